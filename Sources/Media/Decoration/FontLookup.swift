import CFFmpegLoader

/// Looks up fonts through fontconfig, which libass uses as well.
package enum FontLookup {
    /// The result of looking up a font family.
    package enum Match: Sendable, Hashable {
        /// No font is installed.
        case none
        /// The family is not installed; this one is used instead.
        case substitute(String)
        /// The family is installed, under this name.
        case installed(String)
    }

    /// Family names that match any installed font.
    private static let generic: Set<String> = ["sans", "sans-serif", "serif", "monospace", "mono"]

    /// Looks up the installed font for a family.
    package static func find(_ family: String) -> Match {
        let (status, found, _) = match(family)
        if status == 0 { return .none }
        return status == 2 || generic.contains(family.lowercased()) ? .installed(found) : .substitute(found)
    }

    /// Path of the font file that is used for `family`, including a substitute's; nil if no font is installed.
    package static func file(for family: String) -> String? {
        let (status, _, file) = match(family)
        return status == 0 ? nil : file
    }

    private static func match(_ family: String) -> (status: Int32, found: String, file: String) {
        var found = [CChar](repeating: 0, count: 256)
        var file = [CChar](repeating: 0, count: 4096)
        let status = spreader_font_installed(family, &found, found.count, &file, file.count)
        return (status, BufferText.string(found), BufferText.string(file))
    }

    /// The family name stored in a font file; nil if the file is not a font.
    package static func family(ofFileAt path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        guard spreader_font_family(path, &buffer, buffer.count) != 0 else { return nil }
        return BufferText.string(buffer)
    }
}
