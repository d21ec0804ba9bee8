import CFFmpegLoader

/// Fonts as fontconfig knows them, which is also what draws texts.
package enum FontLookup {
    /// What is used for a family.
    package enum Answer: Sendable, Hashable {
        /// No font is installed.
        case none
        /// Another family stands in.
        case substitute(String)
        /// The family itself.
        case installed(String)
    }

    /// Names that stand for whatever is installed.
    private static let generic: Set<String> = ["sans", "sans-serif", "serif", "monospace", "mono"]

    /// The installed font for a family.
    package static func find(_ family: String) -> Answer {
        let (answer, found, _) = match(family)
        if answer == 0 { return .none }
        return answer == 2 || generic.contains(family.lowercased()) ? .installed(found) : .substitute(found)
    }

    /// The file that is drawn with when `family` is asked for, that of a substitute included; nil when there is none.
    package static func file(for family: String) -> String? {
        let (answer, _, file) = match(family)
        return answer == 0 ? nil : file
    }

    private static func match(_ family: String) -> (answer: Int32, found: String, file: String) {
        var found = [CChar](repeating: 0, count: 256)
        var file = [CChar](repeating: 0, count: 4096)
        let answer = spreader_font_installed(family, &found, found.count, &file, file.count)
        return (answer, BufferText.string(found), BufferText.string(file))
    }

    /// The family's name in a font file; nil when it is no font.
    package static func family(ofFileAt path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard spreader_font_family(path, &buffer, buffer.count) != 0 else { return nil }
        return BufferText.string(buffer)
    }
}
