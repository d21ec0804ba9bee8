import CFFmpeg

/// Checks the NAL units of H.264 and HEVC packets: containers also flag frames as keyframes when later frames still
/// refer to earlier ones.
struct RandomAccessDetector {
    private let isHEVC: Bool
    /// Size in bytes of the length before each NAL unit; nil if start codes separate them (Annex B).
    private let lengthSize: Int?

    /// Returns nil for codecs other than H.264 and HEVC.
    init?(_ parameters: AVCodecParameters) {
        switch parameters.codec_id {
        case AV_CODEC_ID_H264: isHEVC = false
        case AV_CODEC_ID_HEVC: isHEVC = true
        default: return nil
        }
        // Configuration records (`avcC`, `hvcC`) start with their version, 1; Annex B parameter sets start with zeros.
        let lengthOffset = isHEVC ? 21 : 4
        if let data = parameters.extradata, Int(parameters.extradata_size) > lengthOffset, data[0] == 1 {
            lengthSize = Int(data[lengthOffset] & 3) + 1
        } else {
            lengthSize = nil
        }
    }

    /// Whether decoding can start with this packet and no later frame except leading pictures refers to earlier ones;
    /// nil if no slice is found.
    func isRandomAccessPoint(_ packet: Packet) -> Bool? {
        guard let data = packet.pointer.pointee.data else { return nil }
        let bytes = UnsafeBufferPointer(start: data, count: packet.size)
        let hasStartCode =
            bytes.count > 4 && bytes[0] == 0 && bytes[1] == 0 && (bytes[2] == 1 || bytes[2...3].elementsEqual([0, 1]))
        if let lengthSize, !hasStartCode { return lengthPrefixed(bytes, lengthSize) }
        return separated(bytes)
    }

    private func lengthPrefixed(_ bytes: UnsafeBufferPointer<UInt8>, _ lengthSize: Int) -> Bool? {
        var position = 0
        while position + lengthSize < bytes.count {
            let length = Int(bytes[position..<position + lengthSize].bigEndian)
            if let isRandomAccess = isRandomAccess(header: bytes[position + lengthSize]) { return isRandomAccess }
            position += lengthSize + length
        }
        return nil
    }

    private func separated(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool? {
        var zeros = 0
        var index = 0
        while index < bytes.count - 1 {
            let byte = bytes[index]
            if byte == 1, zeros >= 2, let isRandomAccess = isRandomAccess(header: bytes[index + 1]) {
                return isRandomAccess
            }
            zeros = byte == 0 ? zeros + 1 : 0
            index += 1
        }
        return nil
    }

    /// The same for the header byte of one NAL unit; nil if it is not a slice.
    private func isRandomAccess(header: UInt8) -> Bool? {
        if isHEVC {
            switch header >> 1 & 0x3f {
            case 16...21: return true
            case 0...9: return false
            default: return nil
            }
        }
        switch header & 0x1f {
        case 5: return true
        case 1, 2: return false
        default: return nil
        }
    }
}
