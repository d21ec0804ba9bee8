/// The `Content-Range` of an uploaded chunk: `bytes <first>-<last>/<total>`.
struct UploadRange: Sendable, Equatable {
    var first: Int64
    var last: Int64
    var total: Int64

    /// The number of bytes in the chunk.
    var length: Int64 { last - first + 1 }

    /// Parses a header value. Returns `nil` unless it has exactly the documented form.
    init?(_ header: String?) {
        guard let header, header.hasPrefix("bytes ") else { return nil }
        let parts = header.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let total = Self.number(parts[1]) else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else { return nil }
        guard first <= last, last < total else { return nil }
        (self.first, self.last, self.total) = (first, last, total)
    }

    private static func number(_ digits: Substring) -> Int64? {
        digits.utf8.allSatisfy { (48...57).contains($0) } ? Int64(digits) : nil
    }
}
