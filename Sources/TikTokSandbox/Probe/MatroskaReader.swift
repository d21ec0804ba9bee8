/// Reads WebM files (EBML): the document type, the video track, its codec, size, duration and frame rate.
///
/// It visits elements in loops of fixed nesting, with a limit on their number, so that a hostile file cannot exhaust it.
struct MatroskaReader {
    var reader: ByteReader

    private struct Element {
        let id: UInt32
        let body: Range<Int64>
        /// False for an element of unknown size, as live recordings write them.
        let isSized: Bool
    }

    private struct Track {
        var number: UInt64 = 0
        var isVideo = false
        var codec = ""
        var width = 0
        var height = 0
        var frameNanoseconds: UInt64 = 0
    }

    /// The blocks of the video track, for files without a duration or frame rate. Times are in ticks.
    private struct Blocks {
        private(set) var count = 0
        private var first: Double?
        private var last = 0.0

        /// The time from the first block to the last.
        var duration: Double { last - (first ?? 0) }

        mutating func add(at time: Double) {
            count += 1
            first = min(first ?? time, time)
            last = max(last, time)
        }
    }

    /// The properties of the file, collected from its segment.
    private struct Segment {
        /// The length of a tick in nanoseconds.
        var timestampScale: UInt64 = 1_000_000
        /// The declared duration in ticks; 0 if there is none.
        var duration = 0.0
        var track: Track?
        var blocks = Blocks()
        /// The time in ticks to which the blocks of the current cluster are relative.
        var clusterTime: UInt64 = 0
    }

    private enum ID {
        static let header: UInt32 = 0x1A45_DFA3
        static let docType: UInt32 = 0x4282
        static let segment: UInt32 = 0x1853_8067
        static let info: UInt32 = 0x1549_A966
        static let timestampScale: UInt32 = 0x2AD7B1
        static let duration: UInt32 = 0x4489
        static let tracks: UInt32 = 0x1654_AE6B
        static let trackEntry: UInt32 = 0xAE
        static let trackNumber: UInt32 = 0xD7
        static let trackType: UInt32 = 0x83
        static let codecID: UInt32 = 0x86
        static let defaultDuration: UInt32 = 0x23E383
        static let video: UInt32 = 0xE0
        static let pixelWidth: UInt32 = 0xB0
        static let pixelHeight: UInt32 = 0xBA
        static let cluster: UInt32 = 0x1F43_B675
        static let clusterTime: UInt32 = 0xE7
        static let simpleBlock: UInt32 = 0xA3
        static let blockGroup: UInt32 = 0xA0
        static let block: UInt32 = 0xA1
    }

    private static let codecs: [String: MediaFacts.Codec] = ["V_VP8": .vp8, "V_VP9": .vp9]
    private static let maxElements = 200_000

    mutating func read() throws -> MediaFacts {
        let header = try element(at: 0, before: reader.size)
        guard try text(header.body, of: ID.docType) == "webm" else {
            throw UnreadableMedia("the file is Matroska, but not WebM")
        }
        let element = try element(at: header.body.upperBound, before: reader.size)
        guard element.id == ID.segment else { throw UnreadableMedia("the file has no segment") }
        return try facts(of: try segment(in: element.body))
    }

    private mutating func segment(in range: Range<Int64>) throws -> Segment {
        var segment = Segment()
        var offset = range.lowerBound
        var visited = 0
        while offset < range.upperBound {
            visited += 1
            guard visited <= Self.maxElements else { break }
            // Throws if an element is longer than the rest of the file, which detects most truncated files.
            let next = try element(at: offset, before: range.upperBound)
            // Enter clusters instead of skipping them: one of unknown size ends where the next one starts.
            offset = next.id == ID.cluster ? next.body.lowerBound : next.body.upperBound
            try read(next, into: &segment)
        }
        return segment
    }

    private mutating func read(_ element: Element, into segment: inout Segment) throws {
        switch element.id {
        case ID.info:
            (segment.timestampScale, segment.duration) = try info(element.body)
        case ID.tracks:
            segment.track = try videoTrack(element.body)
        case ID.cluster:
            break
        case ID.clusterTime:
            segment.clusterTime = try number(element.body)
        case ID.simpleBlock:
            try count(block: element.body, in: &segment)
        case ID.blockGroup:
            for inner in try children(of: element.body) where inner.id == ID.block {
                try count(block: inner.body, in: &segment)
            }
        default:
            guard element.isSized else { throw UnreadableMedia("an element has no size") }
        }
    }

    private func facts(of segment: Segment) throws -> MediaFacts {
        guard let track = segment.track else { throw UnreadableMedia("the file has no video track") }
        guard let codec = Self.codecs[track.codec] else { throw UnreadableMedia("the codec is not supported") }
        guard segment.blocks.count > 0 else { throw UnreadableMedia("the video track is empty") }
        let tick = Double(segment.timestampScale) / 1e9
        let measured = segment.blocks.duration * tick
        var rate = track.frameNanoseconds > 0 ? 1e9 / Double(track.frameNanoseconds) : 0
        if rate == 0, measured > 0 { rate = Double(segment.blocks.count - 1) / measured }
        let declared = segment.duration * Double(segment.timestampScale) / 1e9
        let duration = declared > 0 ? declared : measured + (rate > 0 ? 1 / rate : 0)
        guard duration.isFinite, duration > 0, rate.isFinite else {
            throw UnreadableMedia("the video track has no duration")
        }
        return MediaFacts(
            container: .webM, codec: codec, width: track.width, height: track.height, duration: duration,
            frameRate: rate)
    }

    private mutating func info(_ body: Range<Int64>) throws -> (scale: UInt64, duration: Double) {
        var scale: UInt64 = 1_000_000
        var duration = 0.0
        for element in try children(of: body) {
            if element.id == ID.timestampScale { scale = try number(element.body) }
            if element.id == ID.duration { duration = try float(element.body) }
        }
        return (scale, duration)
    }

    private mutating func videoTrack(_ body: Range<Int64>) throws -> Track? {
        for entry in try children(of: body) where entry.id == ID.trackEntry {
            var track = Track()
            for element in try children(of: entry.body) {
                switch element.id {
                case ID.trackNumber: track.number = try number(element.body)
                case ID.trackType: track.isVideo = try number(element.body) == 1
                case ID.codecID: track.codec = try text(element.body)
                case ID.defaultDuration: track.frameNanoseconds = try number(element.body)
                case ID.video:
                    for size in try children(of: element.body) {
                        if size.id == ID.pixelWidth { track.width = Int(clamping: try number(size.body)) }
                        if size.id == ID.pixelHeight { track.height = Int(clamping: try number(size.body)) }
                    }
                default: break
                }
            }
            if track.isVideo { return track }
        }
        return nil
    }

    private mutating func count(block body: Range<Int64>, in segment: inout Segment) throws {
        guard let track = segment.track else { return }
        let bytes = try reader.bytes(at: body.lowerBound, upTo: Int(min(12, body.upperBound - body.lowerBound)))
        let (number, width) = try Self.variable(bytes[...], keepMarker: false)
        guard number == track.number else { return }
        let relative = Int16(truncatingIfNeeded: try ByteFields(bytes).number(width, 2))
        segment.blocks.add(at: Double(segment.clusterTime) + Double(relative))
    }

    // MARK: Elements

    private mutating func children(of range: Range<Int64>) throws -> [Element] {
        var elements: [Element] = []
        var offset = range.lowerBound
        while offset < range.upperBound {
            guard elements.count < 10_000 else { throw UnreadableMedia("the file has too many elements") }
            let next = try element(at: offset, before: range.upperBound)
            elements.append(next)
            offset = next.body.upperBound
        }
        return elements
    }

    private mutating func element(at offset: Int64, before end: Int64) throws -> Element {
        guard offset < end else { throw UnreadableMedia("an element is missing") }
        let head = try reader.bytes(at: offset, upTo: Int(min(12, end - offset)))
        let (id, idWidth) = try Self.variable(head[...], keepMarker: true)
        let (size, sizeWidth) = try Self.variable(head[idWidth...], keepMarker: false)
        let start = offset + Int64(idWidth + sizeWidth)
        let open = (UInt64(1) << (7 * UInt64(sizeWidth))) - 1
        if size == open {
            return Element(id: UInt32(truncatingIfNeeded: id), body: start..<max(start, end), isSized: false)
        }
        guard start <= end, size <= UInt64(end - start) else {
            throw UnreadableMedia("an element is longer than its parent")
        }
        return Element(id: UInt32(truncatingIfNeeded: id), body: start..<(start + Int64(size)), isSized: true)
    }

    /// Decodes an EBML number, whose leading zero bits give its width. Ids keep the marker bit.
    private static func variable(_ bytes: ArraySlice<UInt8>, keepMarker: Bool) throws -> (value: UInt64, width: Int) {
        guard let first = bytes.first, first != 0 else { throw UnreadableMedia("an element is damaged") }
        let width = first.leadingZeroBitCount + 1
        guard bytes.count >= width, !keepMarker || width <= 4 else { throw UnreadableMedia("an element is damaged") }
        let value = try ByteFields(bytes).number(0, width)
        return (keepMarker ? value : value & ~(UInt64(1) << (7 * UInt64(width))), width)
    }

    private mutating func number(_ body: Range<Int64>) throws -> UInt64 {
        let width = body.upperBound - body.lowerBound
        guard width <= 8 else { throw UnreadableMedia("a number is too long") }
        return try ByteFields(reader.bytes(at: body.lowerBound, count: Int(width))).number(0, Int(width))
    }

    private mutating func float(_ body: Range<Int64>) throws -> Double {
        let bits = try number(body)
        let wide = body.upperBound - body.lowerBound == 8
        return wide ? Double(bitPattern: bits) : Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    }

    private mutating func text(_ body: Range<Int64>) throws -> String {
        let bytes = try reader.bytes(at: body.lowerBound, upTo: Int(min(64, body.upperBound - body.lowerBound)))
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private mutating func text(_ body: Range<Int64>, of id: UInt32) throws -> String? {
        for element in try children(of: body) where element.id == id { return try text(element.body) }
        return nil
    }
}
