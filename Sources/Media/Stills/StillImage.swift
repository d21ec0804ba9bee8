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

/// Format and size from the first bytes of an image file.
struct ImageHeader {
    var format: StillImage.Format
    var width: Int
    var height: Int

    init?(_ bytes: [UInt8]) {
        func big(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
        func little(_ at: Int) -> Int { Int(bytes[at + 1]) << 8 | Int(bytes[at]) }
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), bytes.count >= 24 {
            self.init(.png, big(16) << 16 | big(18), big(20) << 16 | big(22))
        } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
            var at = 2
            while at + 9 < bytes.count, bytes[at] == 0xff {
                let marker = bytes[at + 1]
                // Any start-of-frame marker; the excluded ones are tables in the same range.
                if (0xc0...0xcf).contains(marker), ![0xc4, 0xc8, 0xcc].contains(marker) {
                    self.init(.jpeg, big(at + 7), big(at + 5))
                    return
                }
                at += marker == 0xff ? 1 : 2 + max(2, big(at + 2))
            }
            return nil
        } else if bytes.starts(with: Array("RIFF".utf8)), bytes.count >= 30, bytes[8..<12].elementsEqual("WEBP".utf8) {
            switch String(decoding: bytes[12..<16], as: UTF8.self) {
            case "VP8 ": self.init(.webp, little(26) & 0x3fff, little(28) & 0x3fff)
            case "VP8L":
                let bits = little(21) | little(23) << 16
                self.init(.webp, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
            case "VP8X":
                self.init(
                    .webp, (little(24) | Int(bytes[26]) << 16) + 1, (little(27) | Int(bytes[29]) << 16) + 1)
            default: return nil
            }
        } else {
            return nil
        }
    }

    private init(_ format: StillImage.Format, _ width: Int, _ height: Int) {
        self.format = format
        self.width = width
        self.height = height
    }
}
