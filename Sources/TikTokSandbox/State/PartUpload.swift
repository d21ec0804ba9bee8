import Foundation

/// An upload of the multipart dialect: numbered parts in any order, joined at the end.
struct PartUpload: Codable, Sendable, Equatable {
    var id: String
    var openID: String
    var videoSize: Int64
    /// The size in bytes of every part but the last.
    var partSize: Int64
    /// The number of parts that the client announced, if any.
    var count: Int?
    var createdAt: Date
    var expiresAt: Date
    /// The sizes of the stored parts, by part number from 1.
    var parts: [Int: Int64] = [:]
    /// The id of the video; nil until the upload is completed.
    var videoID: String?

    /// The smallest size of a part that is not the last.
    static let minPartSize: Int64 = 5_000_000
    /// The largest size of a part that is not the last.
    static let maxPartSize: Int64 = 64_000_000
    /// The part size if the client does not announce one.
    static let defaultPartSize: Int64 = 10_000_000

    /// The byte range of a part with this number and size; nil if the upload has no such part.
    ///
    /// The last part may be shorter than the others, or longer by the remainder.
    func range(ofPart number: Int, bytes: Int64) -> Range<Int64>? {
        guard number >= 1, number <= count ?? 1000, bytes > 0 else { return nil }
        let (first, overflow) = Int64(number - 1).multipliedReportingOverflow(by: partSize)
        guard !overflow, first < videoSize, bytes <= videoSize - first else { return nil }
        let isLast = first + bytes == videoSize
        guard isLast ? bytes < 2 * max(partSize, 1) : bytes == partSize else { return nil }
        return first..<(first + bytes)
    }

    /// Whether the stored parts cover the whole file.
    var hasAllParts: Bool {
        var end: Int64 = 0
        for (number, bytes) in parts.sorted(by: { $0.key < $1.key }) {
            guard Int64(number - 1) * partSize == end else { return false }
            end += bytes
        }
        return end == videoSize && (count == nil || parts.count == count)
    }
}
