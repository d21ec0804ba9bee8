/// Skips packets that need no decoding: those before the last keyframe from which the start can be decoded.
///
/// It needs only the packets, so it works for every container. It buffers one GOP.
struct KeyframePreroll {
    /// The most packets that are buffered; in footage with longer GOPs everything is decoded.
    static let usualLimit = 1200

    private let start: Int64
    private let randomAccess: RandomAccessDetector?
    private let isH264: Bool
    private var limit: Int
    private var buffered: [Packet] = []
    /// The first packet of an H.264 stream. Only this packet carries x264's version, without which files of old versions
    /// are decoded incorrectly.
    private var first: Packet?
    private var isFirst = true

    /// - Parameters:
    ///   - start: Where the delivery starts, in the stream's time base.
    ///   - limit: The most packets that may be buffered; 0 decodes everything.
    ///   - randomAccess: Detects keyframes that decoding can start from; nil if all keyframes of the codec are such.
    init(codec: String, randomAccess: RandomAccessDetector?, start: Int64, limit: Int) {
        self.start = start
        self.randomAccess = randomAccess
        isH264 = codec == "h264"
        self.limit = limit
    }

    /// Takes over the content of a packet.
    /// - Returns: The packets to decode now, in order.
    mutating func accept(_ packet: Packet) throws(MediaError) -> [Packet] {
        guard limit > 0 else { return [packet] }
        let own = try Packet(taking: packet)
        defer { isFirst = false }
        guard let time = own.pts ?? own.dts else { return release(with: own) }
        let isEntry = own.isKey && randomAccess?.isRandomAccessPoint(own) ?? true
        if isEntry, time <= start {
            if isH264, first == nil, let oldest = buffered.first { first = oldest }
            buffered = [own]
        } else {
            buffered.append(own)
        }
        if time > start || buffered.count >= limit { return release(with: nil) }
        return []
    }

    /// The packets that are still buffered when the stream ends.
    mutating func flush() -> [Packet] { release(with: nil) }

    private mutating func release(with last: Packet?) -> [Packet] {
        limit = 0
        defer {
            buffered = []
            first = nil
        }
        return (first.map { [$0] } ?? []) + buffered + (last.map { [$0] } ?? [])
    }
}
