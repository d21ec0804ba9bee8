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
        var buffer = [CChar](repeating: 0, count: 256)
        let answer = spreader_font_installed(family, &buffer, buffer.count)
        if answer == 0 { return .none }
        let found = BufferText.string(buffer)
        return answer == 2 || generic.contains(family.lowercased()) ? .installed(found) : .substitute(found)
    }

    /// The family's name in a font file; nil when it is no font.
    package static func family(ofFileAt path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard spreader_font_family(path, &buffer, buffer.count) != 0 else { return nil }
        return BufferText.string(buffer)
    }
}
