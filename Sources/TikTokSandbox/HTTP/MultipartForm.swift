import Foundation

/// Finds one file in a `multipart/form-data` body.
enum MultipartForm {
    /// Returns the range of the field `name`: from the end of its header to the closing boundary.
    /// - Returns: Nil if the form is malformed, or the file is not its last part.
    static func file(
        named name: String, in file: PosixFile, bytes: Int64, contentType: String
    ) throws -> Range<Int64>? {
        guard let boundary = boundary(of: contentType) else { return nil }
        let head = try file.read(at: 0, count: Int(min(bytes, 65_536)))
        let closingBoundary = Array("\r\n--\(boundary)--".utf8)
        let tailLength = min(bytes, Int64(closingBoundary.count) + 64)
        let tail = try file.read(at: bytes - tailLength, count: Int(tailLength))
        guard let header = offset(of: Array("name=\"\(name)\"".utf8), in: head, from: 0),
            let headerEnd = offset(of: Array("\r\n\r\n".utf8), in: head, from: header),
            let end = offset(of: closingBoundary, in: tail, from: 0)
        else { return nil }
        let (first, last) = (Int64(headerEnd + 4), bytes - tailLength + Int64(end))
        return first <= last ? first..<last : nil
    }

    private static func boundary(of contentType: String) -> String? {
        for field in contentType.split(separator: ";").dropFirst() {
            let parts = field.trimmingCharacters(in: .whitespaces).split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "boundary" else { continue }
            return parts[1].trimmingCharacters(in: ["\""])
        }
        return nil
    }

    private static func offset(of needle: [UInt8], in haystack: [UInt8], from start: Int) -> Int? {
        guard haystack.count >= needle.count + start else { return nil }
        return (start...(haystack.count - needle.count)).first {
            haystack[$0..<($0 + needle.count)].elementsEqual(needle)
        }
    }
}
