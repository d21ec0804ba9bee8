import Foundation

/// An upload of the multipart dialect: numbered parts in any order, put together at the end.
struct PartUpload: Codable, Sendable, Equatable {
    var id: String
    var openID: String
    var videoSize: Int64
    /// Bytes of every part but the last.
    var partSize: Int64
    /// How many parts the client announced; nil when it left that open.
    var count: Int?
    var createdAt: Date
    var expiresAt: Date
    /// Bytes of the parts that are there, by their number from 1.
    var parts: [Int: Int64] = [:]
    /// The id of the finished video.
    var videoID: String?

    /// The least part that is not the last.
    static let smallestPart: Int64 = 5_000_000
    /// The greatest part that is not the last.
    static let greatestPart: Int64 = 64_000_000
    /// The part size of uploads that announce none.
    static let usualPart: Int64 = 10_000_000

    /// Where a part of so many bytes goes; nil when the upload has no such part.
    ///
    /// The last part ends the file, be it shorter than the others or longer by the remainder.
    func range(ofPart number: Int, bytes: Int64) -> Range<Int64>? {
        guard number >= 1, number <= count ?? 1000, bytes > 0 else { return nil }
        let (first, overflow) = Int64(number - 1).multipliedReportingOverflow(by: partSize)
        guard !overflow, first < videoSize, bytes <= videoSize - first else { return nil }
        let isLast = first + bytes == videoSize
        guard isLast ? bytes < 2 * max(partSize, 1) : bytes == partSize else { return nil }
        return first..<(first + bytes)
    }

    /// Whether the parts make the whole file.
    var isWhole: Bool {
        var end: Int64 = 0
        for (number, bytes) in parts.sorted(by: { $0.key < $1.key }) {
            guard Int64(number - 1) * partSize == end else { return false }
            end += bytes
        }
        return end == videoSize && (count == nil || parts.count == count)
    }
}
