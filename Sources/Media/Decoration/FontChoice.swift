import Foundation
package import PipelineKit

/// What a stage's `font` option names: an installed family, or a font file.
package enum FontChoice {
    /// What is wrong with it; `pointer` is the option's.
    package static func findings(_ font: String, pointer: String) -> [Diagnostic] {
        guard FilterGraph.exists("ass") else {
            return [
                Diagnostic(
                    code: "missing-filter", "this build of FFmpeg has no filter ass, which draws texts",
                    hint: "install the distribution's FFmpeg libraries (Debian: libavfilter8)",
                    subject: .configuration)
            ]
        }
        if font.isEmpty || font.contains(where: { ",\r\n".contains($0) }) {
            return [
                Diagnostic(
                    code: "unusable-font", "\"\(font)\" is no name of a font", hint: "name one family",
                    pointer: pointer)
            ]
        }
        if isFile(font) {
            return FontLookup.family(ofFileAt: absolute(font)) != nil
                ? []
                : [
                    Diagnostic(
                        code: "unusable-font", "\(font) is no font file that can be read",
                        hint: "name a .ttf, .otf or .ttc; paths are relative to the current folder", pointer: pointer)
                ]
        }
        switch FontLookup.find(font) {
        case .installed: return []
        case .substitute(let other):
            return [
                Diagnostic(
                    .warning, code: "missing-font", "the font \"\(font)\" is not installed; \(other) stands in",
                    hint: "see fc-list for what is installed, or name a font file", pointer: pointer)
            ]
        case .none:
            return [
                Diagnostic(
                    code: "missing-font", "no font is installed, and the text needs one",
                    hint: "on Debian: apt-get install fonts-dejavu-core, or name a font file", pointer: pointer,
                    subject: .configuration)
            ]
        }
    }

    /// The typeface.
    /// - Throws: `StageError` when there is none.
    package static func font(_ font: String, _ flag: CancellationFlag) throws(StageError) -> DecorationFont {
        if let finding = findings(font, pointer: "").first(where: { $0.severity == .error }) {
            throw StageError(
                finding.subject == .configuration ? .configuration : .invalidOption, finding.message,
                hint: finding.hint)
        }
        guard isFile(font), let family = FontLookup.family(ofFileAt: absolute(font)) else {
            return DecorationFont(family: font)
        }
        do throws(MediaError) {
            return DecorationFont(family: family, file: try FileReference(digesting: absolute(font), flag))
        } catch {
            throw error.stageError()
        }
    }

    /// The file that decides how letters look: the one that is named, or what is installed for the family today.
    package static func file(_ font: String) -> String? {
        isFile(font) ? absolute(font) : FontLookup.file(for: font)
    }

    /// Black or white, whichever `rgb` is read best against.
    package static func contrast(to rgb: Int) -> Int {
        let luma = 0.2126 * Double(rgb >> 16 & 255) + 0.7152 * Double(rgb >> 8 & 255) + 0.0722 * Double(rgb & 255)
        return luma < 90 ? 0xffffff : 0x000000
    }

    private static func isFile(_ font: String) -> Bool {
        font.contains("/") || [".ttf", ".otf", ".ttc"].contains { font.lowercased().hasSuffix($0) }
    }

    private static func absolute(_ path: String) -> String {
        URL(fileURLWithPath: (path as NSString).expandingTildeInPath).standardizedFileURL.path
    }
}

extension FileReference {
    /// A reference to the file at `path` with its size and digest.
    package init(digesting path: String, _ cancellation: CancellationFlag) throws(MediaError) {
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value
        self.init(
            path: path, bytes: size ?? 0, sha256: try FileDigest.sha256(ofFileAt: path, cancellation: cancellation))
    }
}
