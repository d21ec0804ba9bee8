/// Makes untrusted text, such as a file name, safe for a terminal: one line, without control or invisible characters.
package enum VisibleText {
    /// Whether a terminal would interpret the scalar or not show it: control and format characters, line and paragraph
    /// separators.
    package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    /// The replacement for one character. Only its first scalar counts, so that joiners within an emoji stay.
    package static func shown(_ character: Character) -> String {
        if character == "\t" { return " " }
        return character.unicodeScalars.first.map(isHidden) == true ? "\u{FFFD}" : String(character)
    }

    /// The text with each hidden character replaced by a visible one.
    /// - Parameter keepsBreaks: Keep line breaks, for output formats that escape them.
    package static func of(_ text: String, keepsBreaks: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        return text.reduce(into: "") { result, character in
            let isBreak = character == "\n" || character == "\r" || character == "\r\n"
            result += keepsBreaks && isBreak ? String(character) : shown(character)
        }
    }
}
