/// Reads the boxes of an ISO media file (MP4, MOV). Checks every size in the file before using it.
package struct MP4Boxes {
    struct Box {
        /// Four-character type; bytes beyond ASCII become `?`.
        var name: String
        /// Range of its content in the file.
        var content: Range<UInt64>
        /// Whether its declared size exceeds the box or file that contains it.
        var isCutOff: Bool
    }

    /// Most boxes read on one level; fragmented files have many.
    private static let maximumBoxes = 100_000

    let file: FileWindow

    /// Opens a file; returns nil if it can't be read.
    init?(path: String) {
        guard let file = FileWindow(path: path) else { return nil }
        self.file = file
    }

    /// Calls `body` with each box in `range`, up to the first invalid one, until it returns false.
    func forEach(in range: Range<UInt64>, _ body: (Box) -> Bool) {
        var position = range.lowerBound
        for _ in 0..<MP4Boxes.maximumBoxes {
            guard range.upperBound > position, range.upperBound - position >= 8 else { return }
            let head = file.bytes(at: position, count: 16)
            guard head.count >= 8, head[4..<8].allSatisfy({ $0 >= 0x20 && $0 < 0x7f || $0 == 0xa9 }) else { return }
            var size = head[0..<4].bigEndian
            var header: UInt64 = 8
            if size == 0 {
                size = range.upperBound - position
            } else if size == 1 {
                guard head.count == 16 else { return }
                size = head[8..<16].bigEndian
                header = 16
            }
            guard size >= header else { return }
            let end = position.addingReportingOverflow(size)
            let isCutOff = end.overflow || end.partialValue > range.upperBound
            let last = isCutOff ? range.upperBound : end.partialValue
            let box = Box(
                name: String(decoding: head[4..<8].map { $0 < 0x80 ? $0 : 0x3f }, as: UTF8.self),
                content: min(position + header, last)..<last, isCutOff: isCutOff)
            guard body(box), !isCutOff else { return }
            position = last
        }
    }

    /// Range of the top-level boxes.
    var outermost: Range<UInt64> { 0..<file.size }

    /// The first box named `name` in `range`.
    func first(_ name: String, in range: Range<UInt64>) -> Box? {
        var found: Box?
        forEach(in: range) { box in
            if box.name == name { found = box }
            return found == nil
        }
        return found
    }

    /// The box at a path of names, starting with the boxes in `range`; nil if one of them is missing.
    func find(_ path: [String], in range: Range<UInt64>) -> Box? {
        var range = range
        var found: Box?
        for name in path {
            found = first(name, in: range)
            guard let found else { return nil }
            range = found.content
        }
        return found
    }

    /// Up to `count` bytes of a box's content from `offset`.
    func bytes(_ box: Box, from offset: UInt64 = 0, count: Int) -> [UInt8] {
        let length = box.content.upperBound - box.content.lowerBound
        guard offset < length else { return [] }
        return file.bytes(at: box.content.lowerBound + offset, count: Int(min(UInt64(count), length - offset)))
    }

    /// Names of the top-level boxes in file order; empty if the file is not an ISO media file.
    package static func topLevel(ofFileAt path: String) -> [String] {
        var names: [String] = []
        guard let boxes = MP4Boxes(path: path) else { return [] }
        boxes.forEach(in: boxes.outermost) { box in
            names.append(box.name)
            return names.count < 1000
        }
        return names
    }

    /// Whether `moov` comes before `mdat`; nil if either is missing.
    package static func isFastStart(fileAt path: String) -> Bool? {
        let names = topLevel(ofFileAt: path)
        guard let moov = names.firstIndex(of: "moov"), let mdat = names.firstIndex(of: "mdat") else { return nil }
        return moov < mdat
    }
}
