/// Reads MP4 and QuickTime files (ISO base media): brands, the video track, its codec, size, duration and frame rate.
///
/// It visits boxes in loops of fixed nesting and reads tables in bounded pieces, so that a hostile file can cost time up to
/// the limits below, but cannot crash it.
struct MovieReader {
    var reader: ByteReader

    /// A box; `body` is its byte range without the header.
    private struct Box {
        let type: String
        let body: Range<Int64>
    }

    /// The properties of a track, collected from its boxes.
    private struct Track {
        var isVideo = false
        var codec = ""
        var width = 0
        var height = 0
        var timescale: UInt64 = 0
        var duration: UInt64 = 0
        var samples = SampleTotals()
        var id: UInt32 = 0
    }

    /// The number of samples and the sum of their durations. Wraps around, because the numbers of a file can be anything.
    private struct SampleTotals {
        private(set) var count: UInt64 = 0
        private(set) var ticks: UInt64 = 0

        /// Adds samples that all have the same duration.
        mutating func add(_ count: UInt64, ofTicks ticks: UInt64) {
            self.count &+= count
            self.ticks &+= count &* ticks
        }
    }

    private static let maxBoxes = 20_000
    private static let maxTracks = 64
    private static let maxTableEntries: UInt32 = 20_000_000
    /// The most bytes of a table that are read at once.
    private static let maxPiece: Int64 = 65_536

    mutating func read() throws -> MediaFacts {
        let boxes = try children(of: 0..<reader.size)
        guard let movie = boxes.first(where: { $0.type == "moov" }) else {
            throw UnreadableMedia("the file has no moov box")
        }
        guard boxes.contains(where: { $0.type == "mdat" && !$0.body.isEmpty }) else {
            throw UnreadableMedia("the file has no media data")
        }
        let container = try container(boxes)

        var tracks: [Track] = []
        for box in try children(of: movie.body) where box.type == "trak" {
            guard tracks.count < Self.maxTracks else { throw UnreadableMedia("the file has too many tracks") }
            tracks.append(try track(box.body))
        }
        guard var video = tracks.first(where: \.isVideo) else { throw UnreadableMedia("the file has no video track") }
        if video.samples.count == 0 {
            let defaultTicks = try defaultSampleDuration(ofTrack: video.id, movie: movie.body)
            for fragment in boxes where fragment.type == "moof" {
                for track in try children(of: fragment.body) where track.type == "traf" {
                    try countSamples(ofFragment: track.body, into: &video, defaultTicks: defaultTicks)
                }
            }
        }
        guard let codec = Self.codecs[video.codec] else { throw UnreadableMedia("the codec is not supported") }
        guard video.timescale > 0, video.samples.count > 0 else { throw UnreadableMedia("the video track is empty") }
        let ticks = video.samples.ticks > 0 ? video.samples.ticks : video.duration
        guard ticks > 0 else { throw UnreadableMedia("the video track has no duration") }
        let seconds = Double(ticks) / Double(video.timescale)
        return MediaFacts(
            container: container, codec: codec, width: video.width, height: video.height, duration: seconds,
            frameRate: Double(video.samples.count) / seconds)
    }

    private static let codecs: [String: MediaFacts.Codec] = [
        "avc1": .h264, "avc3": .h264, "hvc1": .hevc, "hev1": .hevc, "dvh1": .hevc, "dvhe": .hevc, "vp08": .vp8,
        "vp09": .vp9,
    ]

    private mutating func container(_ boxes: [Box]) throws -> MediaFacts.Container {
        // Old QuickTime files have no ftyp box.
        guard let brands = boxes.first, brands.type == "ftyp" else { return .quickTime }
        let major = try ByteFields(reader.bytes(at: brands.body.lowerBound, upTo: 4)).fourCC(0)
        return major == "qt  " ? .quickTime : .mp4
    }

    private mutating func track(_ body: Range<Int64>) throws -> Track {
        var track = Track()
        for box in try children(of: body) {
            switch box.type {
            case "tkhd":
                let header = ByteFields(try reader.bytes(at: box.body.lowerBound, upTo: 32))
                track.id = try header.word(try header.number(0, 1) == 1 ? 20 : 12)
            case "mdia":
                try media(box.body, into: &track)
            default: break
            }
        }
        return track
    }

    private mutating func media(_ body: Range<Int64>, into track: inout Track) throws {
        for box in try children(of: body) {
            switch box.type {
            case "mdhd":
                let header = ByteFields(try reader.bytes(at: box.body.lowerBound, upTo: 36))
                let long = try header.number(0, 1) == 1
                track.timescale = try header.number(long ? 20 : 12, 4)
                track.duration = try header.number(long ? 24 : 16, long ? 8 : 4)
            case "hdlr":
                let handler = ByteFields(try reader.bytes(at: box.body.lowerBound, upTo: 12))
                track.isVideo = try handler.fourCC(8) == "vide"
            case "minf":
                for table in try children(of: box.body) where table.type == "stbl" {
                    try samples(table.body, into: &track)
                }
            default: break
            }
        }
    }

    private mutating func samples(_ body: Range<Int64>, into track: inout Track) throws {
        for box in try children(of: body) {
            switch box.type {
            case "stsd":
                let entry = ByteFields(try reader.bytes(at: box.body.lowerBound, upTo: 44))
                guard try entry.word(4) > 0 else { continue }
                track.codec = try entry.fourCC(12)
                // Only a visual sample entry has width and height here; they are ignored for other tracks.
                if entry.bytes.count >= 44 {
                    track.width = Int(try entry.number(40, 2))
                    track.height = Int(try entry.number(42, 2))
                }
            case "stts":
                try timeToSample(box.body, into: &track)
            default: break
            }
        }
    }

    private mutating func timeToSample(_ body: Range<Int64>, into track: inout Track) throws {
        let count = try ByteFields(reader.bytes(at: body.lowerBound, upTo: 8)).word(4)
        guard count <= Self.maxTableEntries, Int64(count) * 8 <= body.upperBound - body.lowerBound - 8 else {
            throw UnreadableMedia("the time table is longer than its box")
        }
        let entries = body.lowerBound + 8
        try forEachEntry(in: entries..<(entries + Int64(count) * 8), size: 8) { entry, offset in
            track.samples.add(try entry.number(offset, 4), ofTicks: try entry.number(offset + 4, 4))
        }
    }

    /// Reads a table in pieces. Passes each entry as an offset into the bytes that hold it.
    private mutating func forEachEntry(
        in table: Range<Int64>, size: Int, _ body: (_ piece: ByteFields, _ offset: Int) throws -> Void
    ) throws {
        let pieceLength = Self.maxPiece / Int64(size) * Int64(size)
        var start = table.lowerBound
        while start < table.upperBound {
            let piece = ByteFields(try reader.bytes(at: start, count: Int(min(table.upperBound - start, pieceLength))))
            for offset in stride(from: 0, to: piece.bytes.count, by: size) { try body(piece, offset) }
            start += Int64(piece.bytes.count)
        }
    }

    // MARK: Fragments

    /// The sample duration of the track's `trex` box, for fragments that do not set one; 0 if there is no such box.
    private mutating func defaultSampleDuration(ofTrack id: UInt32, movie: Range<Int64>) throws -> UInt64 {
        var ticks: UInt64 = 0
        for extends in try children(of: movie) where extends.type == "mvex" {
            for defaults in try children(of: extends.body) where defaults.type == "trex" {
                let fields = ByteFields(try reader.bytes(at: defaults.body.lowerBound, upTo: 16))
                if try fields.word(4) == id { ticks = try fields.number(12, 4) }
            }
        }
        return ticks
    }

    /// Counts the samples of a track's fragment (`traf`), unless it is another track's.
    private mutating func countSamples(ofFragment body: Range<Int64>, into track: inout Track, defaultTicks: UInt64)
        throws
    {
        var ticks = defaultTicks
        for box in try children(of: body) {
            switch box.type {
            case "tfhd":
                let header = try start(of: box)
                guard try header.word(4) == track.id else { return }
                let flags = try header.number(1, 3)
                if flags & 0x8 != 0 {
                    let skipped = (flags & 0x1 != 0 ? 8 : 0) + (flags & 0x2 != 0 ? 4 : 0)
                    ticks = try header.number(8 + skipped, 4)
                }
            case "trun":
                let run = try SampleRun(start(of: box))
                if run.hasDurations {
                    try countSamples(ofRun: run, in: box, into: &track)
                } else {
                    track.samples.add(run.count, ofTicks: ticks)
                }
            default: break
            }
        }
    }

    /// The header of a `trun` box.
    private struct SampleRun {
        let count: UInt64
        /// Whether each sample has its own duration, as the first of its fields.
        let hasDurations: Bool
        /// The size in bytes of the fields of a sample.
        let sampleSize: Int
        /// The offset in the box of the first sample.
        let firstSample: Int64

        init(_ header: ByteFields) throws {
            let flags = try header.number(1, 3)
            count = try header.number(4, 4)
            hasDurations = flags & 0x100 != 0
            sampleSize = [0x100, 0x200, 0x400, 0x800].count { flags & UInt64($0) != 0 } * 4
            firstSample = 8 + (flags & 0x1 != 0 ? 4 : 0) + (flags & 0x4 != 0 ? 4 : 0)
        }
    }

    private mutating func countSamples(ofRun run: SampleRun, in box: Box, into track: inout Track) throws {
        guard run.count > 0 else { return }
        let first = box.body.lowerBound + run.firstSample
        let end = first + Int64(run.count) * Int64(run.sampleSize)
        guard run.count <= Self.maxTableEntries, end <= box.body.upperBound else {
            throw UnreadableMedia("a run of samples is longer than its box")
        }
        try forEachEntry(in: first..<end, size: run.sampleSize) { sample, offset in
            track.samples.add(1, ofTicks: try sample.number(offset, 4))
        }
    }

    /// The first bytes of a box, enough for the header of a fragment box.
    private mutating func start(of box: Box) throws -> ByteFields {
        ByteFields(
            try reader.bytes(at: box.body.lowerBound, upTo: Int(min(24, box.body.upperBound - box.body.lowerBound))))
    }

    // MARK: Boxes

    /// Reads the consecutive boxes of a byte range.
    private mutating func children(of range: Range<Int64>) throws -> [Box] {
        var boxes: [Box] = []
        var offset = range.lowerBound
        while range.upperBound - offset >= 8 {
            guard boxes.count < Self.maxBoxes else { throw UnreadableMedia("the file has too many boxes") }
            let header = ByteFields(try reader.bytes(at: offset, upTo: 16))
            let short = try header.number(0, 4)
            var length = Int64(short)
            var headerLength: Int64 = 8
            if short == 0 {
                length = range.upperBound - offset
            } else if short == 1 {
                let long = try header.number(8, 8)
                guard long <= UInt64(Int64.max) else { throw UnreadableMedia("a box is longer than the file") }
                length = Int64(long)
                headerLength = 16
            }
            guard length >= headerLength, length <= range.upperBound - offset else {
                throw UnreadableMedia("a box is longer than its parent")
            }
            boxes.append(Box(type: try header.fourCC(4), body: (offset + headerLength)..<(offset + length)))
            offset += length
        }
        return boxes
    }
}
