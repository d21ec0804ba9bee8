/// Reads bytes of an untrusted file. Checks every read against the bounds and limits the number of reads.
struct ByteReader {
    private let file: PosixFile
    /// The length of the file in bytes.
    let size: Int64
    private var remainingReads: Int

    /// - Parameter maxReads: Further reads throw ``UnreadableMedia``.
    init(_ file: PosixFile, maxReads: Int = 1_000_000) throws {
        self.file = file
        self.size = try file.size
        self.remainingReads = maxReads
    }

    /// Reads exactly `count` bytes at `offset`.
    mutating func bytes(at offset: Int64, count: Int) throws -> [UInt8] {
        guard remainingReads > 0 else { throw UnreadableMedia("the file has too many parts") }
        remainingReads -= 1
        guard offset >= 0, count >= 0, offset <= size, Int64(count) <= size - offset else {
            throw UnreadableMedia("the file ends too early")
        }
        let bytes = try file.read(at: offset, count: count)
        guard bytes.count == count else { throw UnreadableMedia("the file ends too early") }
        return bytes
    }

    /// Reads up to `count` bytes at `offset`; fewer at the end of the file.
    mutating func bytes(at offset: Int64, upTo count: Int) throws -> [UInt8] {
        guard offset >= 0, offset <= size else { throw UnreadableMedia("the file ends too early") }
        return try bytes(at: offset, count: Int(min(Int64(count), size - offset)))
    }
}

/// Decodes big-endian numbers of a byte slice.
struct ByteFields {
    let bytes: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { self.bytes = ArraySlice(bytes) }

    /// The unsigned number in the `width` bytes (at most 8) at `offset`.
    func number(_ offset: Int, _ width: Int) throws -> UInt64 {
        guard offset >= 0, width >= 0, width <= 8, offset <= bytes.count - width else {
            throw UnreadableMedia("a part of the file is too short")
        }
        let start = bytes.startIndex + offset
        return bytes[start..<(start + width)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    func word(_ offset: Int) throws -> UInt32 { UInt32(truncatingIfNeeded: try number(offset, 4)) }

    /// The four-character code at `offset`.
    func fourCC(_ offset: Int) throws -> String {
        let code = try number(offset, 4)
        // One Latin-1 character per byte, because QuickTime uses codes outside ASCII.
        let characters = (0..<4).map { Unicode.Scalar(UInt8(truncatingIfNeeded: code >> (24 - 8 * $0))) }
        return String(String.UnicodeScalarView(characters))
    }
}
