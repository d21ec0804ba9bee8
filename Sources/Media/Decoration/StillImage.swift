import Foundation

/// An image file that can be drawn over footage, described by its first bytes.
package struct StillImage: Sendable, Hashable {
    /// The supported file formats.
    package enum Format: String, Sendable {
        case png
        case jpeg
        case webp
    }

    /// Format by the file's content, not its name.
    package var format: Format
    /// Width in pixels.
    package var width: Int
    /// Height in pixels.
    package var height: Int

    /// Images with more pixels are rejected as a mistake.
    private static let maximumPixels = 50_000_000

    /// Reads the header of a file.
    /// - Throws: `MediaError` if it is not an image that can be used.
    package init(path: String) throws(MediaError) {
        let operation = "reading an image"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw MediaError(operation, text: String(cString: strerror(errno)), file: path)
        }
        defer { try? handle.close() }
        // A JPEG's size may follow large profiles and previews.
        guard let data = try? handle.read(upToCount: 1 << 20), let header = ImageHeader([UInt8](data)) else {
            throw MediaError(operation, text: "not a PNG, JPEG or WebP", file: path)
        }
        guard header.width > 0, header.height > 0, header.width <= StillImage.maximumPixels / header.height else {
            throw MediaError(
                operation, text: "an image of \(header.width)×\(header.height) can't be used", file: path)
        }
        (format, width, height) = (header.format, header.width, header.height)
    }

    /// Decodes the image, to check that it can be.
    package static func checkDecoding(path: String) throws(MediaError) {
        let log = MediaLog()
        try log.attached { () throws(MediaError) in
            let graph = try FilterGraph(
                generating: source(path) + ",format=rgba[out]", isAudio: false, log: log)
            let frame = try Frame()
            guard case .frame = try graph.pull(into: frame) else {
                throw MediaError("reading an image", text: "it can't be decoded", file: path, log: log)
            }
        }
    }

    /// A filter that outputs the image once. Names the demuxer, so that FFmpeg never reads the file as a playlist.
    static func source(_ path: String) -> String {
        let format = (try? StillImage(path: path))?.format ?? .png
        return "movie=filename=\(FilterText.value("file:" + path)):format_name=\(format.rawValue)_pipe"
    }
}
