import PipelineKit

/// Measurements from the packets of a file, as opposed to claims of its headers. Decodes nothing.
package struct PacketScan: Sendable {
    /// Measurements of one stream.
    package struct Track: Sendable {
        /// Number of packets read.
        package var packets = 0
        /// Packets hidden by an edit list, and frames that serve only as references.
        package var hidden = 0
        /// Packets with missing or wrong bytes.
        package var corrupt = 0
        /// Earliest PTS of a shown packet, in seconds.
        package var start: Double?
        /// End of the last shown packet, in seconds.
        package var end: Double?
        /// Length in seconds of everything read, including hidden packets.
        package var span = 0.0
        /// Whether frames are evenly spaced; nil for fewer than three frames.
        package var isEven: Bool?
        /// Median time between frames, in seconds.
        package var step: Double?
        /// Longest time between keyframes in seconds, including the time from the last one to the end.
        package var longestKeyFrameInterval: Double?
        /// Whether all GOPs are closed: no frame that follows a keyframe is shown before it and, in H.264 and HEVC,
        /// the slices of every keyframe allow decoding to start there.
        package var closedGroups: Bool?
        /// Whether the first shown packet is a keyframe.
        package var startsWithKeyFrame = false
        /// PTS of shown keyframes in seconds, in order; nil if there are more than 2000, or for codecs other than
        /// H.264 and HEVC.
        package var keyFrameTimes: [Double]?
        /// Total seconds without a frame in otherwise evenly spaced footage.
        package var gaps = 0.0
        /// Whether a limit stopped the scan before the end of the stream.
        package var isPartial = false
        /// Total size of the packets in bytes.
        package var bytes: Int64 = 0

        package init(packets: Int = 0) { self.packets = packets }

        /// Length in seconds; nil if the stream was not read to its end.
        package var duration: Double? { isPartial ? nil : scannedDuration }
        /// Length in seconds of the part that was read.
        package var scannedDuration: Double? {
            guard let start, let end, end > start else { return nil }
            return end - start
        }
        /// Number of packets that are shown.
        package var shown: Int { packets - hidden }
    }

    /// Measurements by stream index.
    package var tracks: [Int: Track] = [:]
    /// Whether the whole file was read; false if a limit stopped the scan.
    package var isComplete = false
    /// Number of failed reads.
    package var readErrors = 0

    /// Limits of a scan: ten minutes at 60 fps, 4 GB, 20 s.
    private static let maximumPackets = 36_000
    private static let maximumBytes: Int64 = 4_000_000_000
    private static let maximumWork = Duration.seconds(20)

    package init() {}

    /// Reads the packets of `wanted` streams.
    /// - Parameter video: The video streams among them.
    package init(of demuxer: Demuxer, streams wanted: [Int], video: Set<Int>) throws(MediaError) {
        demuxer.keep(wanted)
        let packet = try Packet()
        var readers: [Int: TrackScan] = [:]
        for index in wanted {
            readers[index] = TrackScan(
                base: demuxer.timeBase(of: index), codec: demuxer.codecName(of: index),
                starts: demuxer.parameters(of: index).flatMap(RandomAccessDetector.init),
                rate: demuxer.claimedRate(of: index))
        }
        var bytes: Int64 = 0
        var reads = 0
        let started = ContinuousClock.now
        while true {
            guard try demuxer.read(into: packet) else {
                isComplete = true
                break
            }
            readers[packet.stream]?.add(packet, isVideo: video.contains(packet.stream))
            bytes += Int64(packet.size)
            reads += 1
            if bytes > PacketScan.maximumBytes { break }
            if reads % 256 == 0, ContinuousClock.now - started > PacketScan.maximumWork { break }
            if let reader = readers[packet.stream], reader.times.count > PacketScan.maximumPackets { break }
        }
        readErrors = demuxer.readErrors
        let isPartial = !isComplete
        tracks = readers.mapValues { reader in
            var track = reader.finish()
            track.isPartial = isPartial
            return track
        }
    }
}

/// Collects the measurements of one stream.
private struct TrackScan {
    private static let maximumKeyFrames = 2000

    let base: Rational
    let codec: String
    let starts: RandomAccessDetector?
    /// Frame rate from the headers, the clock of streams without timestamps.
    let rate: Double?
    var track = PacketScan.Track()
    var times: [Double] = []
    private var keys: [Double] = []
    private var lastKey: Double?
    private var hasHiddenKey = false
    private var isOpen = false
    private var hasClock = false
    private var extent: ClosedRange<Double>?

    init(base: Rational, codec: String, starts: RandomAccessDetector?, rate: Double?) {
        self.base = base
        self.codec = codec
        self.starts = starts
        self.rate = rate
    }

    mutating func add(_ packet: Packet, isVideo: Bool) {
        track.packets += 1
        track.bytes += Int64(packet.size)
        if packet.isCorrupt { track.corrupt += 1 }
        let timing = timing(of: packet, isVideo: isVideo)
        if let (time, length) = timing {
            let end = max(time, time + length)
            extent = min(extent?.lowerBound ?? time, time)...max(extent?.upperBound ?? end, end)
        }
        if packet.isHidden || packet.isReferenceOnly(codec: codec) {
            track.hidden += 1
            if packet.isKey { hasHiddenKey = true }
            return
        }
        guard let (time, length) = timing else { return }
        track.start = min(track.start ?? time, time)
        track.end = max(track.end ?? time, time + length)
        guard isVideo else { return }
        if times.isEmpty { track.startsWithKeyFrame = packet.isKey }
        times.append(time)
        if packet.isKey {
            keys.append(time)
            lastKey = time
            if starts?.isRandomAccessPoint(packet) == false { isOpen = true }
        } else if let lastKey, time < lastKey - 1e-6 {
            isOpen = true
        }
    }

    /// PTS and duration of a packet in seconds. Frames of raw streams without timestamps are counted at `rate`.
    private mutating func timing(of packet: Packet, isVideo: Bool) -> (Double, Double)? {
        let unit = base.value ?? 0
        if let tick = packet.pts ?? packet.dts {
            hasClock = true
            return (Double(tick) * unit, Double(packet.duration) * unit)
        }
        guard isVideo, !hasClock, let rate else { return nil }
        return (Double(times.count) / rate, 1 / rate)
    }

    func finish() -> PacketScan.Track {
        var track = track
        if let extent { track.span = extent.upperBound - extent.lowerBound }
        guard let first = track.start, !times.isEmpty else { return track }
        let sorted = times.sorted()
        let steps = zip(sorted, sorted.dropFirst()).map { $1 - $0 }
        if steps.count >= 2 {
            let median = steps.sorted()[steps.count / 2]
            // Container time bases round timestamps, Matroska's to a millisecond.
            let tolerance = max(0.0015, median * 0.06)
            let uneven = steps.filter { abs($0 - median) > tolerance }
            track.isEven = uneven.isEmpty
            track.step = median
            if uneven.count * 20 <= steps.count {
                track.gaps = uneven.filter { $0 > max(median * 2.5, 0.1) }.reduce(0) { $0 + $1 - median }
            }
        }
        let sortedKeys = keys.sorted()
        if !sortedKeys.isEmpty || hasHiddenKey {
            // Frames before the first shown keyframe depend on a hidden one, or on none.
            let boundaries = [min(first, sortedKeys.first ?? first)] + sortedKeys + [track.end ?? first]
            track.longestKeyFrameInterval = zip(boundaries, boundaries.dropFirst()).map { $1 - $0 }.max()
            track.closedGroups = !isOpen
        }
        if starts != nil, sortedKeys.count <= Self.maximumKeyFrames {
            track.keyFrameTimes = sortedKeys.map { ($0 * 1e6).rounded() / 1e6 }
        }
        return track
    }
}
