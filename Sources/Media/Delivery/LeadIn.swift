import PipelineKit

/// Passes over packets that need no decoding: those before the last key frame from which the start can be reached.
///
/// It works in every container, by the packets alone. What it holds back is one group of pictures.
struct LeadIn {
    /// Packets that are held at most; with longer groups everything is decoded.
    static let usualLimit = 1200

    private let start: Int64
    private let pictureStart: PictureStart?
    private let isH264: Bool
    private var limit: Int
    private var held: [Packet] = []
    /// The first packet of an H.264 stream: x264 says only there which version it is, and files of old versions decode
    /// wrongly without.
    private var first: Packet?
    private var isFirst = true

    /// - Parameters:
    ///   - start: Where the delivery starts, in the stream's time base.
    ///   - limit: Packets that may be held; 0 decodes everything.
    ///   - pictureStart: Knows key frames that stand alone, where the codec has others too.
    init(codec: String, pictureStart: PictureStart?, start: Int64, limit: Int) {
        self.start = start
        self.pictureStart = pictureStart
        isH264 = codec == "h264"
        self.limit = limit
    }

    /// Takes a packet.
    /// - Returns: Those that must be decoded now.
    mutating func accept(_ packet: Packet) throws(MediaError) -> [Packet] {
        guard limit > 0 else { return [packet] }
        let own = try Packet(taking: packet)
        defer { isFirst = false }
        guard let time = own.pts ?? own.dts else { return release(with: own) }
        let isEntry = own.isKey && pictureStart?.standsAlone(own) ?? true
        if isEntry, time <= start {
            if isH264, first == nil, let oldest = held.first { first = oldest }
            held = [own]
        } else {
            held.append(own)
        }
        if time > start || held.count >= limit { return release(with: nil) }
        return []
    }

    /// What is held when the stream ends.
    mutating func rest() -> [Packet] { release(with: nil) }

    private mutating func release(with last: Packet?) -> [Packet] {
        limit = 0
        defer {
            held = []
            first = nil
        }
        return (first.map { [$0] } ?? []) + held + (last.map { [$0] } ?? [])
    }
}
