import PipelineKit

/// What `moov` of an ISO media file says that FFmpeg's demuxer leaves out or trusts too much.
struct MovieHeader {
    /// One picture track.
    struct Track {
        /// The track's number, `AVStream.id`.
        var id: Int
        /// Size in the sample description.
        var width = 0
        var height = 0
        /// Size in the track header, the one that players are asked to show; 0 when unsaid.
        var shownWidth = 0.0
        var shownHeight = 0.0
        /// Whether the sample description says the shape of a pixel (`pasp`).
        var hasPixelAspect = false
        /// The clean aperture (`clap`): width, height, and how far its centre lies from the picture's.
        var clean: (width: Double, height: Double, right: Double, down: Double)?
    }

    /// Picture tracks in file order.
    private(set) var tracks: [Track] = []
    /// Whether a picture track has an edit list and no key frame at its start, for it was cut without decoding.
    private(set) var cutsIntoAGroup = false
    /// What makes the file dangerous to open, as the end of a sentence about it.
    private(set) var excess: String?
    /// Whether there is a `moov` at all; without it nothing else can be read.
    private(set) var hasMovie = false
    /// Whether it is a still image in ISO form (HEIC, AVIF): items, and no movie.
    private(set) var isStillImage = false

    /// Samples that one track may declare: nine hours at 60 frames a second. Each costs FFmpeg up to 80 bytes.
    private static let maximumSamples: UInt64 = 2_000_000
    /// Entries that the demuxer may have to make for edits, each of which can show every sample anew.
    private static let maximumEdits: UInt64 = 20_000_000
    private static let maximumTracks = 1000

    /// Reads the header of a file; nil when it is no ISO media file.
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
            case "moof": longestRun = max(longestRun, Self.longestRun(boxes, box))
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
            read(boxes, box)
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

    private mutating func read(_ boxes: MP4Boxes, _ box: MP4Boxes.Box) {
        guard let media = boxes.first("mdia", in: box.content),
            let table = boxes.find(["minf", "stbl"], in: media.content)
        else { return }
        let handler = boxes.first("hdlr", in: media.content).map { boxes.bytes($0, from: 8, count: 4) }
        guard handler == Array("vide".utf8) else { return }
        checkCounts(boxes, box, table)

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
        // The first entry of the sample description: a version and flags, a count, then the entry itself.
        if let description = boxes.first("stsd", in: table.content), description.content.count > 8 {
            boxes.forEach(in: description.content.lowerBound + 8..<description.content.upperBound) { entry in
                readEntry(boxes, entry, into: &track)
                return false
            }
        }
        tracks.append(track)
    }

    private func readEntry(_ boxes: MP4Boxes, _ entry: MP4Boxes.Box, into track: inout Track) {
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

    /// Remembers numbers that would make the demuxer fill the memory.
    private mutating func checkCounts(_ boxes: MP4Boxes, _ track: MP4Boxes.Box, _ table: MP4Boxes.Box) {
        let sizes = boxes.first("stsz", in: table.content) ?? boxes.first("stz2", in: table.content)
        let samples = sizes.map { boxes.bytes($0, from: 8, count: 4).bigEndian } ?? 0
        if samples > Self.maximumSamples { excess = "declares \(samples) frames" }
        let edits = boxes.find(["edts", "elst"], in: track.content).map { boxes.bytes($0, from: 4, count: 4).bigEndian }
        // Without `stss` every sample is a key frame.
        if edits ?? 0 > 0, let keys = boxes.first("stss", in: table.content) {
            let head = boxes.bytes(keys, from: 4, count: 8)
            if head.count == 8, head[0..<4].bigEndian > 0, head[4..<8].bigEndian > 1 { cutsIntoAGroup = true }
        }
        if let edits, edits > 1, edits * max(1, samples) > Self.maximumEdits {
            excess = "declares \(edits) edits of \(samples) frames"
        }
    }

    private static func longestRun(_ boxes: MP4Boxes, _ fragment: MP4Boxes.Box) -> UInt64 {
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
