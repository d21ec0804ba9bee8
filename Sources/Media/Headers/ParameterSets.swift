/// The parameter sets of an H.264 stream, as the `avcC` record of an MP4 stores them (ISO/IEC 14496-15, 5.3.3.1).
struct ParameterSets: Hashable {
    private(set) var sps: [ArraySlice<UInt8>] = []
    private(set) var pps: [ArraySlice<UInt8>] = []
    /// Bytes of the length prefix before each NAL unit of a packet.
    private(set) var lengthSize = 4
    private var head: [UInt8] = []
    /// The bytes after the sets, which records of the High profiles have.
    private var tail: [UInt8] = []

    /// The most sequence parameter sets that a record can hold, and the highest id that one can have.
    private static let maximumSPS = 31

    /// Reads an `avcC` record; nil if it is invalid.
    init?(record: UnsafeBufferPointer<UInt8>) {
        let bytes = Array(record)
        guard bytes.count > 6, bytes[0] == 1 else { return nil }
        head = Array(bytes[0..<4])
        lengthSize = Int(bytes[4] & 3) + 1
        var at = 5
        func sets(_ count: Int) -> [ArraySlice<UInt8>]? {
            var result: [ArraySlice<UInt8>] = []
            for _ in 0..<count {
                guard at + 2 <= bytes.count else { return nil }
                let length = Int(bytes[at]) << 8 | Int(bytes[at + 1])
                at += 2
                guard length > 0, at + length <= bytes.count else { return nil }
                result.append(bytes[at..<at + length])
                at += length
            }
            return result
        }
        let spsCount = Int(bytes[at] & 0x1f)
        at += 1
        guard let found = sets(spsCount), !found.isEmpty, at < bytes.count else { return nil }
        sps = found
        let ppsCount = Int(bytes[at])
        at += 1
        guard let found = sets(ppsCount), !found.isEmpty else { return nil }
        pps = found
        tail = Array(bytes[at...])
    }

    /// Reads an encoder's header with start codes; nil if it lacks either kind of parameter set.
    init?(header: UnsafeBufferPointer<UInt8>) {
        for unit in NALUnits.split(header) {
            switch (unit.first ?? 0) & 0x1f {
            case 7: sps.append(unit)
            case 8: pps.append(unit)
            default: break
            }
        }
        if sps.isEmpty || pps.isEmpty { return nil }
    }

    /// An id above those of all sets; nil if there is none, or a set can't be read.
    var freeID: Int? {
        let ids =
            sps.compactMap { BitReader($0.dropFirst(4)).unsigned() }
            + pps.compactMap { BitReader($0.dropFirst(1)).unsigned() }
        guard ids.count == sps.count + pps.count, let highest = ids.max(), highest < ParameterSets.maximumSPS
        else { return nil }
        return highest + 1
    }

    /// An `avcC` record with the sets of both; nil if it can't hold them.
    func record(adding other: ParameterSets) -> [UInt8]? {
        let allSPS = sps + other.sps
        let allPPS = pps + other.pps
        guard allSPS.count <= ParameterSets.maximumSPS, allPPS.count <= 255 else { return nil }
        var result = head
        // The higher level covers both.
        if let level = other.sps.compactMap({ $0.dropFirst(3).first }).max() { result[3] = max(result[3], level) }
        result.append(0xfc | UInt8(lengthSize - 1))
        result.append(0xe0 | UInt8(allSPS.count))
        result += NALUnits.joined(allSPS, lengthSize: 2)
        result.append(UInt8(allPPS.count))
        result += NALUnits.joined(allPPS, lengthSize: 2)
        return result + tail
    }
}

/// Reads bits of a NAL unit, most significant first, skipping emulation prevention bytes (ITU-T H.264, 7.4.1).
private struct BitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ unit: ArraySlice<UInt8>) {
        var bytes: [UInt8] = []
        for byte in unit.prefix(32) {
            if byte == 3, bytes.suffix(2) == [0, 0] { continue }
            bytes.append(byte)
        }
        self.bytes = bytes
    }

    private mutating func bit() -> Int? {
        guard position < bytes.count * 8 else { return nil }
        defer { position += 1 }
        return Int(bytes[position / 8] >> UInt8(7 - position % 8)) & 1
    }

    /// Reads an unsigned Exp-Golomb code, `ue(v)`; nil at the end of the unit.
    consuming func unsigned() -> Int? {
        var zeros = 0
        while let next = bit() {
            if next == 1 {
                var value = 0
                for _ in 0..<zeros {
                    guard let next = bit() else { return nil }
                    value = value << 1 | next
                }
                return (1 << zeros) - 1 + value
            }
            zeros += 1
            if zeros > 16 { return nil }
        }
        return nil
    }
}
