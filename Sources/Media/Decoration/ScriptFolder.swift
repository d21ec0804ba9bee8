import Foundation
import PipelineKit

/// A folder for the script files of one delivery, deleted when this object is released.
final class ScriptFolder {
    private let path: String
    private var count = 0
    private var isMade = false

    init(path: String) { self.path = path }

    deinit {
        if isMade { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Writes a script to a new file.
    /// - Returns: The path of the file.
    func write(_ text: String) throws(MediaError) -> String {
        try make()
        count += 1
        let file = "\(path)/\(count).ass"
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        } catch {
            throw MediaError("writing a subtitle script", text: "\(error)", file: file)
        }
        return file
    }

    /// A folder with a link to the font's file, as libass expects it; nil if the font is an installed family.
    func fonts(_ font: DecorationFont) throws(MediaError) -> String? {
        guard let file = font.file else { return nil }
        try make()
        count += 1
        let folder = "\(path)/fonts-\(count)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(atPath: folder + "/font", withDestinationPath: file.path)
        } catch {
            throw MediaError("preparing a font", text: "\(error)", file: file.path)
        }
        return folder
    }

    private func make() throws(MediaError) {
        guard !isMade else { return }
        do {
            // Remove what a killed attempt left behind.
            try? FileManager.default.removeItem(atPath: path)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw MediaError("creating a folder for subtitles", text: "\(error)", file: path)
        }
        isMade = true
    }
}
