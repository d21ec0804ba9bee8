import Foundation

/// The outermost boxes of an ISO media file.
package enum MP4Boxes {
    /// Names of the boxes in file order; empty when the file is of another kind.
    package static func topLevel(ofFileAt path: String) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        var names: [String] = []
        var position: UInt64 = 0
        while names.count < 1000 {
            guard (try? handle.seek(toOffset: position)) != nil, let head = try? handle.read(upToCount: 16),
                head.count >= 8
            else { break }
            let bytes = [UInt8](head)
            var size = bytes[0..<4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let name = bytes[4..<8]
            guard name.allSatisfy({ $0 >= 0x20 && $0 < 0x7f || $0 == 0xa9 }) else { break }
            names.append(String(decoding: name, as: UTF8.self))
            if size == 0 { break }
            if size == 1 {
                guard bytes.count == 16 else { break }
                size = bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            let next = position.addingReportingOverflow(size)
            guard size >= 8, !next.overflow else { break }
            position = next.partialValue
        }
        return names
    }

    /// Whether `moov` stands before `mdat`; nil when the file has not both.
    package static func isFastStart(fileAt path: String) -> Bool? {
        let names = topLevel(ofFileAt: path)
        guard let moov = names.firstIndex(of: "moov"), let mdat = names.firstIndex(of: "mdat") else { return nil }
        return moov < mdat
    }
}
