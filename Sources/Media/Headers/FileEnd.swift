import Foundation

/// Whether a file is complete according to its container: a copy in progress has a header but not its end.
package enum FileEnd: Sendable, Hashable {
    /// The container declares its length, and the file is that long.
    case whole
    /// The file is shorter than the container declares, or has no index.
    case cutShort
    /// The container does not declare its length.
    case undeclared
    /// The file does not start like any supported container.
    case unrecognised

    /// Reads the start of the file, and the headers of its top-level boxes.
    package init(ofFileAt path: String) {
        guard let handle = FileHandle(forReadingAtPath: path), let head = try? handle.read(upToCount: 4096) else {
            self = .unrecognised
            return
        }
        defer { try? handle.close() }
        let bytes = [UInt8](head)
        let size = (try? handle.seekToEnd()) ?? 0
        let boxes: Set<String> = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp"]
        if bytes.count >= 8, boxes.contains(String(decoding: bytes[4..<8], as: UTF8.self)) {
            var names: Set<String> = []
            var isCutOff = false
            if let file = MP4Boxes(path: path) {
                file.forEach(in: file.outermost) { box in
                    names.insert(box.name)
                    isCutOff = isCutOff || box.isCutOff
                    return true
                }
            }
            self = isCutOff || !names.contains("moov") ? .cutShort : names.contains("moof") ? .undeclared : .whole
        } else if bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
            self = Self.matroska(bytes, size: size)
        } else if bytes.starts(with: Array("RIFF".utf8)), bytes.count >= 8 {
            let declared = bytes[4..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } + 8
            // Recorders write the length when they stop.
            self = declared <= 8 ? .undeclared : declared > size ? .cutShort : .whole
        } else {
            self = Self.isStream(bytes) ? .undeclared : .unrecognised
        }
    }

    private static func matroska(_ bytes: [UInt8], size: UInt64) -> FileEnd {
        let name: [UInt8] = [0x18, 0x53, 0x80, 0x67]
        guard let offset = bytes.indices.first(where: { bytes[$0...].starts(with: name) }), offset + 4 < bytes.count
        else { return .cutShort }
        let first = bytes[offset + 4]
        let width = first.leadingZeroBitCount + 1
        guard width <= 8, offset + 4 + width <= bytes.count else { return .cutShort }
        var length = UInt64(first) & (0xFF >> UInt64(width))
        for index in 1..<max(1, width) { length = length << 8 | UInt64(bytes[offset + 4 + index]) }
        // All ones means an unknown size, as in live recordings.
        if length == (UInt64(1) << UInt64(7 * width)) - 1 { return .undeclared }
        let (end, overflows) = length.addingReportingOverflow(UInt64(offset + 4 + width))
        return overflows || end > size ? .cutShort : .whole
    }

    /// Whether the file starts like an MPEG program or transport stream, FLV, Ogg or MXF.
    private static func isStream(_ bytes: [UInt8]) -> Bool {
        let starts: [[UInt8]] = [
            [0x00, 0x00, 0x01], Array("FLV".utf8), Array("OggS".utf8), [0x06, 0x0E, 0x2B, 0x34],
        ]
        if starts.contains(where: { bytes.starts(with: $0) }) { return true }
        return [(0, 188), (4, 192)].contains { offset, step in
            bytes.count > offset + 2 * step && (0..<3).allSatisfy { bytes[offset + $0 * step] == 0x47 }
        }
    }
}
