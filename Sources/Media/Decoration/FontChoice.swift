import Foundation
package import PipelineKit

/// Resolves a stage's `font` option, which names an installed family or a font file.
package enum FontChoice {
    /// Checks the option and returns the problems found; `pointer` is its JSON pointer.
    package static func findings(_ font: String, pointer: String) -> [Diagnostic] {
        guard FilterGraph.exists("ass") else {
            return [
                Diagnostic(
                    code: "missing-filter", "this build of FFmpeg lacks the filter ass, which draws text",
                    hint: "install the distribution's FFmpeg libraries (Debian: libavfilter8)",
                    subject: .configuration)
            ]
        }
        if font.isEmpty || font.contains(where: { ",\r\n".contains($0) }) {
            return [
                Diagnostic(
                    code: "unusable-font", "\"\(font)\" is not a valid font name",
                    hint: "give the name of one font family", pointer: pointer)
            ]
        }
        if isFile(font) {
            return FontLookup.family(ofFileAt: UserPath.absolute(font)) != nil
                ? []
                : [
                    Diagnostic(
                        code: "unusable-font", "\(font) is not a readable font file",
                        hint: "give a .ttf, .otf or .ttc file; paths are relative to the current folder",
                        pointer: pointer)
                ]
        }
        switch FontLookup.find(font) {
        case .installed: return []
        case .substitute(let other):
            return [
                Diagnostic(
                    .warning, code: "missing-font", "the font \"\(font)\" is not installed; \(other) is used instead",
                    hint: "run fc-list to list the installed fonts, or give a font file", pointer: pointer)
            ]
        case .none:
            return [
                Diagnostic(
                    code: "missing-font", "no font is installed, but drawing text needs one",
                    hint: "on Debian, run apt-get install fonts-dejavu-core, or give a font file", pointer: pointer,
                    subject: .configuration)
            ]
        }
    }

    /// The font to draw with; reads a font file once for its digest.
    /// - Throws: `StageError` if the option is invalid, no font is installed or the file can't be read.
    package static func font(_ font: String, cancellation flag: CancellationFlag) throws(StageError) -> DecorationFont {
        if let finding = findings(font, pointer: "").first(where: { $0.severity == .error }) {
            throw StageError(
                finding.subject == .configuration ? .configuration : .invalidOption, finding.message,
                hint: finding.hint)
        }
        guard isFile(font), let family = FontLookup.family(ofFileAt: UserPath.absolute(font)) else {
            return DecorationFont(family: font)
        }
        do throws(MediaError) {
            return DecorationFont(
                family: family, file: try FileReference(digesting: UserPath.absolute(font), cancellation: flag))
        } catch {
            throw error.stageError()
        }
    }

    /// The font file that is used: the given one, or the one installed for the family, or nil. Results depend on it.
    package static func file(_ font: String) -> String? {
        isFile(font) ? UserPath.absolute(font) : FontLookup.file(for: font)
    }

    /// Black or white, whichever contrasts better with `rgb`.
    package static func contrast(to rgb: Int) -> Int {
        let luma = 0.2126 * Double(rgb >> 16 & 255) + 0.7152 * Double(rgb >> 8 & 255) + 0.0722 * Double(rgb & 255)
        return luma < 90 ? 0xffffff : 0x000000
    }

    private static func isFile(_ font: String) -> Bool {
        font.contains("/") || [".ttf", ".otf", ".ttc"].contains { font.lowercased().hasSuffix($0) }
    }
}
