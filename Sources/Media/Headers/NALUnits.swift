/// Converts H.264 NAL units between the two forms: with start codes (Annex B), as encoders write them, and with length
/// prefixes, as MP4 stores them.
enum NALUnits {
    /// Splits a bitstream at its start codes into NAL units.
    static func split(_ bytes: UnsafeBufferPointer<UInt8>) -> [ArraySlice<UInt8>] {
        let bytes = Array(bytes)
        var starts: [(code: Int, unit: Int)] = []
        var at = 0
        while at + 2 < bytes.count {
            if bytes[at + 2] > 1 {
                at += 3
            } else if bytes[at] == 0, bytes[at + 1] == 0, bytes[at + 2] == 1 {
                starts.append((at, at + 3))
                at += 3
            } else {
                at += 1
            }
        }
        return starts.indices.map { index in
            var end = index + 1 < starts.count ? starts[index + 1].code : bytes.count
            // Zeros before a start code belong to the code, not to the unit.
            while index + 1 < starts.count, end > starts[index].unit, bytes[end - 1] == 0 { end -= 1 }
            return bytes[starts[index].unit..<max(starts[index].unit, end)]
        }.filter { !$0.isEmpty }
    }

    /// Joins NAL units, each after its length in `size` bytes.
    static func joined(_ units: [ArraySlice<UInt8>], lengthSize size: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(units.reduce(0) { $0 + $1.count + size })
        for unit in units {
            for shift in (0..<size).reversed() { result.append(UInt8(truncatingIfNeeded: unit.count >> (8 * shift))) }
            result += unit
        }
        return result
    }
}
