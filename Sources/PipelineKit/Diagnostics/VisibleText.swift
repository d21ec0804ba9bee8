/// Texts of others, such as names of files, as a terminal can be given them: in one line, nothing invisible, no commands.
package enum VisibleText {
    /// Whether a terminal would obey it, or not show it: control and format characters, ends of lines and paragraphs.
    package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    /// What is shown of one character. Joiners within one, as in emoji of families, stay.
    package static func shown(_ character: Character) -> String {
        if character == "\t" { return " " }
        return character.unicodeScalars.first.map(isHidden) == true ? "\u{FFFD}" : String(character)
    }

    /// The text with each hidden character replaced by a visible one.
    /// - Parameter keepsBreaks: Whether ends of lines stay, for forms that escape them.
    package static func of(_ text: String, keepsBreaks: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        return text.reduce(into: "") { result, character in
            let isBreak = character == "\n" || character == "\r" || character == "\r\n"
            result += keepsBreaks && isBreak ? String(character) : shown(character)
        }
    }
}
