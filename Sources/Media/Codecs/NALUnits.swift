import CFFmpeg
import PipelineKit

/// The NAL units of H.264 and HEVC packets, in either form: length-prefixed as in MP4, or with start codes (Annex B).
enum NALUnits {
    /// Bytes of the length field that a decoder configuration record (`avcC`, `hvcC`) announces; nil for Annex B.
    static func lengthSize(extradata: UnsafeBufferPointer<UInt8>, isH264: Bool) -> Int? {
        let position = isH264 ? 4 : 21
        guard extradata.count > position, extradata[0] == 1 else { return nil }
        return Int(extradata[position] & 3) + 1
    }

    /// Whether a packet holds an instantaneous decoder refresh: nothing after it refers to anything before it.
    static func containsIDR(_ packet: Packet, nalLength: Int?, isH264: Bool) -> Bool {
        var found = false
        forEach(packet, nalLength: nalLength) { unit in
            guard let head = unit.first else { return true }
            if isH264 {
                found = head & 0x1f == 5
            } else {
                // IDR_W_RADL and IDR_N_LP (ITU-T H.265, table 7-1).
                found = (19...20).contains(head >> 1 & 0x3f)
            }
            return !found
        }
        return found
    }

    /// Goes through a packet's units until `body` answers false.
    static func forEach(_ packet: Packet, nalLength: Int?, _ body: (UnsafeBufferPointer<UInt8>) -> Bool) {
        guard let start = packet.pointer.pointee.data, packet.size > 0 else { return }
        let bytes = UnsafeBufferPointer(start: start, count: packet.size)
        if let nalLength {
            prefixed(bytes, nalLength, body)
        } else {
            delimited(bytes, body)
        }
    }

    private static func prefixed(
        _ bytes: UnsafeBufferPointer<UInt8>, _ size: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) {
        var at = 0
        while at + size < bytes.count {
            let length = (0..<size).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
            at += size
            guard length > 0, length <= bytes.count - at else { return }
            guard body(UnsafeBufferPointer(rebasing: bytes[at..<at + length])) else { return }
            at += length
        }
    }

    private static func delimited(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool) {
        var unit: Int?
        var at = 0
        while at + 2 < bytes.count {
            if bytes[at + 2] > 1 {
                at += 3
            } else if bytes[at] == 0, bytes[at + 1] == 0, bytes[at + 2] == 1 {
                if let unit, !body(UnsafeBufferPointer(rebasing: bytes[unit..<max(unit, end(bytes, at))])) { return }
                unit = at + 3
                at += 3
            } else {
                at += 1
            }
        }
        if let unit, unit < bytes.count { _ = body(UnsafeBufferPointer(rebasing: bytes[unit...])) }
    }

    /// Zeros before a start code belong to the code, not to the unit.
    private static func end(_ bytes: UnsafeBufferPointer<UInt8>, _ code: Int) -> Int {
        var end = code
        while end > 0, bytes[end - 1] == 0 { end -= 1 }
        return end
    }
}
