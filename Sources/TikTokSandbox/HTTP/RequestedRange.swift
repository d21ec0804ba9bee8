/// A parsed `Range` header. Anything but a single byte range means the whole file, as RFC 9110 allows.
enum RequestedRange: Equatable {
    case whole
    case partial(Range<Int64>)
    /// The range begins after the end of the file, or ends before its start.
    case unsatisfiable

    init(_ header: String?, size: Int64) {
        guard let header, header.hasPrefix("bytes="), !header.contains(",") else {
            self = .whole
            return
        }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            self = .whole
            return
        }
        switch (Int64(ends[0]), Int64(ends[1])) {
        case (let first?, let last?) where first <= last && first < size:
            self = .partial(first..<(min(last, size - 1) + 1))
        case (let first?, nil) where ends[1].isEmpty && first < size: self = .partial(first..<size)
        case (nil, let count?) where ends[0].isEmpty && count > 0 && size > 0:
            self = .partial(max(0, size - count)..<size)
        case (.some, _), (_, .some): self = .unsatisfiable
        default: self = .whole
        }
    }
}
