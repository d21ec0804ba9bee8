/// Damages a file as faulty disks, networks, cameras and attackers do.
struct Mutator {
    private var random: SeededGenerator
    /// A description of each change, for the report.
    private(set) var steps: [String] = []

    init(random: SeededGenerator) { self.random = random }

    private enum Kind: CaseIterable {
        case flipBits, overwrite, zeroBlock, deleteBlock, duplicateBlock, swapBlocks, truncate, append
        case boxField, headerInteger
    }

    /// Boxes whose fields control allocations and read positions.
    private static let boxes = [
        "stsz", "stz2", "stts", "ctts", "stsc", "stco", "co64", "stss", "sdtp", "elst", "tkhd", "mvhd", "mdhd", "stsd",
        "avcC", "hvcC", "av1C", "vpcC", "esds", "dOps", "wave", "chan", "colr", "pasp", "clap", "trun", "tfhd", "tfdt",
        "trex", "sidx", "hdlr", "mdat", "moov", "trak", "mdia", "minf", "stbl", "udta", "meta", "ilst", "keys", "tref",
        "sgpd", "sbgp", "avc1", "hvc1", "hev1", "mp4a", "ftyp", "dvcC", "gpmd", "tmcd",
    ].map { Array($0.utf8) }
    private static let extremes: [UInt64] = [
        0, 1, 2, 7, 8, 15, 16, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_fff0, 0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0, 0xffff_ffff, 100_000, 100_000 << 16, 1_000_000_000, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff,
    ]

    /// Applies one to four changes.
    mutating func damage(_ bytes: inout [UInt8]) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let kind = Kind.allCases.randomElement(using: &random) ?? .flipBits
            apply(kind, to: &bytes)
        }
    }

    private mutating func apply(_ kind: Kind, to bytes: inout [UInt8]) {
        switch kind {
        case .flipBits:
            let count = Int.random(in: 1...64, using: &random)
            for _ in 0..<count {
                bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            steps.append("\(count) bits flipped")
        case .overwrite:
            let block = block(in: bytes, longest: 64)
            for index in block { bytes[index] = UInt8.random(in: 0...255, using: &random) }
            steps.append("noise at \(block)")
        case .zeroBlock:
            let block = block(in: bytes, longest: 1 << 16)
            for index in block { bytes[index] = 0 }
            steps.append("zeroes at \(block)")
        case .deleteBlock:
            let block = block(in: bytes, longest: 1 << 16)
            bytes.removeSubrange(block)
            steps.append("\(block) deleted")
        case .duplicateBlock:
            let block = block(in: bytes, longest: 1 << 16)
            let offset = Int.random(in: 0...bytes.count, using: &random)
            bytes.insert(contentsOf: Array(bytes[block]), at: offset)
            steps.append("\(block) again at \(offset)")
        case .swapBlocks:
            let first = block(in: bytes, longest: 1 << 14)
            let start = Int.random(in: 0...(bytes.count - first.count), using: &random)
            for offset in 0..<first.count { bytes.swapAt(first.lowerBound + offset, start + offset) }
            steps.append("\(first) swapped with \(start)")
        case .truncate:
            let length = Int.random(in: 0..<bytes.count, using: &random)
            bytes.removeLast(bytes.count - length)
            steps.append("cut at \(length)")
        case .append:
            let count = Int.random(in: 1...(1 << 16), using: &random)
            bytes.reserveCapacity(bytes.count + count)
            for _ in 0..<count { bytes.append(UInt8.random(in: 0...255, using: &random)) }
            steps.append("\(count) bytes appended")
        case .boxField: writeBoxField(in: &bytes)
        case .headerInteger:
            let start = Int.random(in: 0..<min(bytes.count, 4096), using: &random)
            writeExtreme(to: &bytes, at: start, label: "header")
        }
    }

    private mutating func writeBoxField(in bytes: inout [UInt8]) {
        let name = Self.boxes.randomElement(using: &random) ?? []
        guard let position = Self.offsets(of: name, in: bytes).randomElement(using: &random) else {
            let start = Int.random(in: bytes.indices, using: &random)
            return writeExtreme(to: &bytes, at: start, label: "anywhere")
        }
        // A box has its size before its name, and its fields after it.
        let offset = Bool.random(using: &random) ? -4 : Int.random(in: 4...64, using: &random)
        let label = "\(String(decoding: name, as: UTF8.self))\(offset)"
        writeExtreme(to: &bytes, at: max(0, position + offset), label: label)
    }

    /// Overwrites an integer with a value that breaks size computations.
    private mutating func writeExtreme(to bytes: inout [UInt8], at start: Int, label: String) {
        let value = Self.extremes.randomElement(using: &random) ?? 0
        let width = [1, 2, 4, 4, 4, 8].randomElement(using: &random) ?? 4
        for index in 0..<width where start + index < bytes.count {
            bytes[start + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - index)))
        }
        steps.append("\(label) at \(start): \(width) bytes of 0x\(String(value, radix: 16))")
    }

    private mutating func block(in bytes: [UInt8], longest: Int) -> Range<Int> {
        let length = Int.random(in: 1...min(longest, bytes.count), using: &random)
        let start = Int.random(in: 0...(bytes.count - length), using: &random)
        return start..<(start + length)
    }

    private static func offsets(of name: [UInt8], in bytes: [UInt8]) -> [Int] {
        guard name.count == 4, bytes.count > 8 else { return [] }
        return bytes.withUnsafeBufferPointer { bytes in
            (0..<(bytes.count - 4)).filter {
                bytes[$0] == name[0] && bytes[$0 + 1] == name[1] && bytes[$0 + 2] == name[2]
                    && bytes[$0 + 3] == name[3]
            }
        }
    }
}
