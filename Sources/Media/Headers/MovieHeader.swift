/// Facts from the header of an ISO media file that FFmpeg's demuxer leaves out or does not validate.
struct MovieHeader {
    /// A video track, by its track header and sample description.
    struct Track {
        /// Track ID, the same as `AVStream.id`.
        var id: Int
        /// Size in pixels in the sample description.
        var width = 0
        var height = 0
        /// Presentation size in the track header; 0 if missing.
        var shownWidth = 0.0
        var shownHeight = 0.0
        /// Whether the sample description has a pixel aspect ratio (`pasp`).
        var hasPixelAspect = false
        /// The clean aperture (`clap`): width, height, and the offset of its centre from the centre of the frame.
        var clean: (width: Double, height: Double, right: Double, down: Double)?
    }

    /// Video tracks in file order.
    private(set) var tracks: [Track] = []
    /// Whether a video track has an edit list and does not start with a keyframe: it was cut without decoding.
    private(set) var cutsIntoAGroup = false
    /// Why the file is dangerous to open, as the predicate of a sentence about it; nil if it is safe.
    private(set) var excess: String?
    /// Whether there is a `moov` box; without it nothing else can be read.
    private(set) var hasMovie = false
    /// Whether it is a still image in ISO form (HEIC, AVIF): it has items but no movie.
    private(set) var isStillImage = false

    /// Most samples that one track may declare: nine hours at 60 fps. Each costs FFmpeg up to 80 bytes.
    private static let maximumSamples: UInt64 = 2_000_000
    /// Most index entries that edits may cost the demuxer: each edit can repeat every sample.
    private static let maximumEdits: UInt64 = 20_000_000
    private static let maximumTracks = 1000

    /// Reads the header of a file; returns nil if it is not an ISO media file.
    init?(path: String) {
        guard let boxes = MP4Boxes(path: path) else { return nil }
        var movie: MP4Boxes.Box?
        var brands: [UInt8] = []
        var hasItems = false
        var isISO = false
        var longestRun: UInt64 = 0
        boxes.forEach(in: boxes.outermost) { box in
            switch box.name {
            case "ftyp":
                isISO = true
                brands = boxes.bytes(box, count: 256)
            case "moov":
                isISO = true
                if movie == nil { movie = box }
            case "meta": hasItems = true
            case "moof": longestRun = max(longestRun, Self.longestRun(in: box, of: boxes))
            case "mdat", "wide", "free", "skip", "styp", "sidx", "uuid", "pnot": isISO = true
            default: break
            }
            return isISO
        }
        guard isISO else { return nil }
        hasMovie = movie != nil
        isStillImage = movie == nil && hasItems && Self.isImage(brands: brands)
        if longestRun > Self.maximumSamples { excess = "declares \(longestRun) samples in one fragment" }
        guard let movie else { return }
        var seen = 0
        boxes.forEach(in: movie.content) { box in
            guard box.name == "trak" else { return true }
            readTrack(box, in: boxes)
            seen += 1
            return seen < Self.maximumTracks
        }
    }

    private static func isImage(brands: [UInt8]) -> Bool {
        let known: Set<String> = ["heic", "heix", "heim", "heis", "mif1", "mif2", "avif", "jpeg"]
        return stride(from: 0, to: brands.count - 3, by: 4).contains { offset in
            known.contains(String(decoding: brands[offset..<offset + 4], as: UTF8.self))
        }
    }

    private mutating func readTrack(_ box: MP4Boxes.Box, in boxes: MP4Boxes) {
        guard let media = boxes.first("mdia", in: box.content),
            let table = boxes.find(["minf", "stbl"], in: media.content)
        else { return }
        let handler = boxes.first("hdlr", in: media.content).map { boxes.bytes($0, from: 8, count: 4) }
        guard handler == Array("vide".utf8) else { return }
        checkCounts(of: box, table: table, in: boxes)

        var track = Track(id: 0)
        if let header = boxes.first("tkhd", in: box.content) {
            let bytes = boxes.bytes(header, count: 96)
            let isLong = bytes.first == 1
            let (id, size) = isLong ? (20, 88) : (12, 76)
            if bytes.count >= size + 8 {
                track.id = Int(bytes[id..<id + 4].bigEndian)
                track.shownWidth = Double(bytes[size..<size + 4].bigEndian) / 65536
                track.shownHeight = Double(bytes[size + 4..<size + 8].bigEndian) / 65536
            }
        }
        // `stsd` starts with eight bytes of version, flags and entry count. Only its first entry is read.
        if let description = boxes.first("stsd", in: table.content), description.content.count > 8 {
            boxes.forEach(in: description.content.lowerBound + 8..<description.content.upperBound) { entry in
                Self.readSampleEntry(entry, of: boxes, into: &track)
                return false
            }
        }
        tracks.append(track)
    }

    private static func readSampleEntry(_ entry: MP4Boxes.Box, of boxes: MP4Boxes, into track: inout Track) {
        let head = boxes.bytes(entry, count: 78)
        guard head.count == 78 else { return }
        track.width = Int(head[24..<26].bigEndian)
        track.height = Int(head[26..<28].bigEndian)
        boxes.forEach(in: entry.content.lowerBound + 78..<entry.content.upperBound) { box in
            if box.name == "pasp" { track.hasPixelAspect = true }
            if box.name == "clap" {
                let bytes = boxes.bytes(box, count: 32)
                guard bytes.count == 32 else { return true }
                let numbers = stride(from: 0, to: 32, by: 4).map {
                    Int32(truncatingIfNeeded: bytes[$0..<$0 + 4].bigEndian)
                }
                let parts = stride(from: 0, to: 8, by: 2).map { Double(numbers[$0]) / Double(numbers[$0 + 1]) }
                track.clean = (parts[0], parts[1], parts[2], parts[3])
            }
            return true
        }
    }

    /// Records counts that would make the demuxer exhaust the memory, and a cut before the first keyframe.
    private mutating func checkCounts(of track: MP4Boxes.Box, table: MP4Boxes.Box, in boxes: MP4Boxes) {
        let sizes = boxes.first("stsz", in: table.content) ?? boxes.first("stz2", in: table.content)
        let samples = sizes.map { boxes.bytes($0, from: 8, count: 4).bigEndian } ?? 0
        if samples > Self.maximumSamples { excess = "declares \(samples) frames" }
        let edits = boxes.find(["edts", "elst"], in: track.content).map { boxes.bytes($0, from: 4, count: 4).bigEndian }
        // Without `stss` every sample is a keyframe.
        if edits ?? 0 > 0, let keys = boxes.first("stss", in: table.content) {
            let head = boxes.bytes(keys, from: 4, count: 8)
            if head.count == 8, head[0..<4].bigEndian > 0, head[4..<8].bigEndian > 1 { cutsIntoAGroup = true }
        }
        if let edits, edits > 1, edits * max(1, samples) > Self.maximumEdits {
            excess = "declares \(edits) edits of \(samples) frames"
        }
    }

    private static func longestRun(in fragment: MP4Boxes.Box, of boxes: MP4Boxes) -> UInt64 {
        var longest: UInt64 = 0
        boxes.forEach(in: fragment.content) { track in
            guard track.name == "traf" else { return true }
            boxes.forEach(in: track.content) { run in
                if run.name == "trun" { longest = max(longest, boxes.bytes(run, from: 4, count: 4).bigEndian) }
                return true
            }
            return true
        }
        return longest
    }
}
