/// Cropping and display size from the track list of a Matroska or WebM file, which FFmpeg's demuxer leaves out.
struct MatroskaHeader {
    /// Cropping of a video track.
    struct Track {
        /// Pixels to crop from each side.
        var left = 0
        var top = 0
        var right = 0
        var bottom = 0
        /// Whether the track declares a display size.
        var hasDisplaySize = false
    }

    /// Video tracks in file order.
    private(set) var tracks: [Track] = []

    private static let maximumElements = 2000
    private static let maximumTrackList = 4 << 20

    /// Reads the header of a file; returns nil if it is not Matroska or WebM.
    init?(path: String) {
        guard let file = FileWindow(path: path), file.bytes(at: 0, count: 4).bigEndian == 0x1A45_DFA3,
            let header = Self.element(file.bytes(at: 0, count: 12))
        else { return nil }
        let segmentStart = UInt64(header.header) + header.size
        guard let segment = Self.element(file.bytes(at: segmentStart, count: 12)), segment.id == 0x1853_8067 else {
            return
        }
        var position = segmentStart + UInt64(segment.header)
        for _ in 0..<Self.maximumElements {
            guard let next = Self.element(file.bytes(at: position, count: 12)) else { return }
            position += UInt64(next.header)
            // Clusters follow the track list.
            if next.id == 0x1F43_B675 { return }
            if next.id == 0x1654_AE6B {
                read(file.bytes(at: position, count: Int(min(next.size, UInt64(Self.maximumTrackList))))[...])
                return
            }
            guard next.size < file.size else { return }
            position += next.size
        }
    }

    private mutating func read(_ list: ArraySlice<UInt8>) {
        for entry in Self.children(list) where entry.id == 0xAE {
            let fields = Self.children(entry.content)
            guard fields.first(where: { $0.id == 0x83 })?.content.bigEndian == 1,
                let video = fields.first(where: { $0.id == 0xE0 })
            else { continue }
            var track = Track()
            for field in Self.children(video.content) {
                let value = Int(min(field.content.bigEndian, 1 << 20))
                switch field.id {
                case 0x54AA: track.bottom = value
                case 0x54BB: track.top = value
                case 0x54CC: track.left = value
                case 0x54DD: track.right = value
                case 0x54B0: track.hasDisplaySize = value > 0
                default: break
                }
            }
            tracks.append(track)
        }
    }

    private static func children(_ bytes: ArraySlice<UInt8>) -> [(id: UInt64, content: ArraySlice<UInt8>)] {
        var rest = bytes
        var found: [(UInt64, ArraySlice<UInt8>)] = []
        while found.count < maximumElements, let next = element(rest) {
            rest = rest.dropFirst(next.header)
            let content = rest.prefix(Int(min(next.size, UInt64(rest.count))))
            found.append((next.id, content))
            rest = rest.dropFirst(content.count)
        }
        return found
    }

    /// ID, header length and content length of the element at the start of `bytes`; nil if it is malformed.
    private static func element(_ bytes: some Collection<UInt8>) -> (id: UInt64, header: Int, size: UInt64)? {
        guard let first = bytes.first, first >= 0x10 else { return nil }
        let idLength = first.leadingZeroBitCount + 1
        let rest = bytes.dropFirst(idLength)
        guard let head = rest.first, head != 0 else { return nil }
        let sizeLength = head.leadingZeroBitCount + 1
        guard rest.count >= sizeLength else { return nil }
        let size = rest.prefix(sizeLength).bigEndian & (UInt64.max >> UInt64(64 - 7 * sizeLength))
        return (bytes.prefix(idLength).bigEndian, idLength + sizeLength, size)
    }
}
