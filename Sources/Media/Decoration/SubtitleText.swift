import Foundation
import Glibc

/// Reads text files in any encoding that iconv supports.
enum SubtitleText {
    /// Larger files are refused: subtitles are far smaller.
    private static let maximumBytes = 16 << 20

    /// Whether iconv supports an encoding.
    static func knows(_ encoding: String) -> Bool {
        // Options after a slash change how iconv handles errors.
        guard !encoding.contains("/"), let converter = open(encoding) else { return false }
        iconv_close(converter)
        return true
    }

    /// Reads a text file and converts its line ends to `\n`.
    /// - Parameter encoding: A name that iconv supports; `auto` for UTF-16 with a byte order mark, UTF-8, or else
    ///   Windows-1252.
    /// - Returns: The text without a byte order mark, and the encoding in which it was read.
    static func read(_ path: String, encoding: String) throws(MediaError) -> (text: String, encoding: String) {
        let operation = "reading subtitles"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw MediaError(operation, text: String(cString: strerror(errno)), file: path)
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: maximumBytes + 1) ?? Data()
        } catch {
            throw MediaError(operation, text: "\(error)", file: path)
        }
        guard data.count <= maximumBytes else {
            throw MediaError(operation, text: "larger than \(maximumBytes >> 20) MiB", file: path)
        }
        let chosen = encoding.lowercased() == "auto" ? guess(data) : encoding
        guard let text = decode(data, chosen) else {
            throw MediaError(operation, text: "not valid \(chosen)", file: path)
        }
        let body = text.first == "\u{feff}" ? String(text.dropFirst()) : text
        guard !body.unicodeScalars.contains("\0") else {
            throw MediaError(operation, text: "not a text file", file: path)
        }
        return (body.replacing("\r\n", with: "\n").replacing("\r", with: "\n"), chosen)
    }

    private static func guess(_ data: Data) -> String {
        let start = [UInt8](data.prefix(2))
        if start == [0xff, 0xfe] || start == [0xfe, 0xff] { return "UTF-16" }
        return String(validating: data, as: UTF8.self) == nil ? "WINDOWS-1252" : "UTF-8"
    }

    private static func open(_ encoding: String) -> iconv_t? {
        let converter = iconv_open("UTF-8", encoding)
        // iconv_open returns -1, cast to a pointer, on failure.
        return converter == iconv_t(bitPattern: -1) ? nil : converter
    }

    private static func decode(_ data: Data, _ encoding: String) -> String? {
        guard let converter = open(encoding) else { return nil }
        defer { iconv_close(converter) }
        var input = data.map { CChar(bitPattern: $0) }
        var output = [UInt8](repeating: 0, count: input.count * 4 + 16)
        let written = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBytes { target -> Int? in
                var from = source.baseAddress
                var to = target.bindMemory(to: CChar.self).baseAddress
                var (left, room) = (source.count, target.count)
                guard iconv(converter, &from, &left, &to, &room) != size_t.max, left == 0 else { return nil }
                return target.count - room
            }
        }
        return written.map { String(decoding: output[..<$0], as: UTF8.self) }
    }
}
