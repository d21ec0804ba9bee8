import Foundation

/// Changes boxes of a small MP4 whose index stands at its end, to make files that no program writes.
struct MP4Editor {
    private(set) var bytes: [UInt8]

    init(contentsOf path: String) throws {
        bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    var data: Data { Data(bytes) }

    /// Where a box's content begins, and where the sizes of it and of what it lies in are written.
    ///
    /// `path` leads from the outside, such as `["moov", "trak", "tkhd"]`; the first of each name is meant.
    private func locate(_ path: [String]) -> (content: Int, sizes: [Int])? {
        var range = 0..<bytes.count
        var sizes: [Int] = []
        for name in path {
            var position = range.lowerBound
            while position + 8 <= range.upperBound, self.name(at: position) != name { position += size(at: position) }
            guard position + 8 <= range.upperBound else { return nil }
            sizes.append(position)
            // Sample descriptions hold boxes after a count, video entries after 78 bytes of their own.
            let skipped = name == "stsd" ? 8 : ["avc1", "hvc1", "hev1"].contains(name) ? 78 : 0
            range = position + 8 + skipped..<position + size(at: position)
        }
        return (range.lowerBound, sizes)
    }

    private func name(at position: Int) -> String {
        String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
    }
    private func size(at position: Int) -> Int { max(8, Int(number(at: position))) }
    private func number(at position: Int) -> UInt32 {
        bytes[position..<position + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Units in a second of the video's own times.
    var timeScale: UInt32 { locate(["moov", "trak", "mdia", "mdhd"]).map { number(at: $0.content + 12) } ?? 1 }

    /// Writes a number of 32 bits into a box's content.
    mutating func set(_ path: [String], offset: Int, to value: UInt32) throws {
        guard let place = locate(path) else { throw CocoaError(.fileReadCorruptFile) }
        write(value, at: place.content + offset)
    }

    /// Puts a box into another, as its first.
    mutating func insert(_ name: String, _ numbers: [UInt32], into path: [String]) throws {
        guard let place = locate(path) else { throw CocoaError(.fileReadCorruptFile) }
        var box = Self.big(UInt32(8 + numbers.count * 4)) + Array(name.utf8)
        for number in numbers { box += Self.big(number) }
        for position in place.sizes { write(number(at: position) + UInt32(box.count), at: position) }
        bytes.insert(contentsOf: box, at: place.content)
    }

    /// Renames a box, so that readers pass over it.
    mutating func hide(_ path: [String]) throws {
        guard let position = locate(path)?.sizes.last else { throw CocoaError(.fileReadCorruptFile) }
        bytes.replaceSubrange(position + 4..<position + 8, with: Array("free".utf8))
    }

    private mutating func write(_ value: UInt32, at position: Int) {
        bytes.replaceSubrange(position..<position + 4, with: Self.big(value))
    }

    private static func big(_ value: UInt32) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(value >> UInt32($0) & 255) }
    }
}

extension MP4Editor {
    static let description = ["moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1"]
    static let table = ["moov", "trak", "mdia", "minf", "stbl"]

    /// Puts a clean aperture into the video's description.
    mutating func setCleanAperture(width: UInt32, height: UInt32, right: Int32 = 0, down: Int32 = 0) throws {
        try insert(
            "clap", [width, 1, height, 1, UInt32(bitPattern: right), 1, UInt32(bitPattern: down), 1],
            into: Self.description)
    }
}
