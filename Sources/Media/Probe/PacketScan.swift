import Foundation
import PipelineKit

/// What the packets of a file say, as opposed to its headers. Nothing is decoded.
package struct PacketScan: Sendable {
    /// What is measured of one stream.
    package struct Track: Sendable {
        /// Packets seen.
        package var packets = 0
        /// Packets that an edit list hides, and pictures that only serve others.
        package var hidden = 0
        /// Packets with missing or wrong bytes.
        package var corrupt = 0
        /// First presentation time of a shown packet, in seconds.
        package var start: Double?
        /// Where the last one ends, in seconds.
        package var end: Double?
        /// Whether frames are evenly spaced; nil with fewer than three.
        package var isEven: Bool?
        /// The usual step between frames, in seconds.
        package var step: Double?
        /// Longest distance between key frames, in seconds, the one to the end included.
        package var longestKeyFrameInterval: Double?
        /// Whether no picture refers across a key frame.
        package var closedGroups: Bool?
        /// Whether the first packet is a key frame.
        package var startsWithKeyFrame = false
        /// Bytes of all packets.
        package var bytes: Int64 = 0

        /// Length in seconds.
        package var duration: Double? {
            guard let start, let end, end > start else { return nil }
            return end - start
        }
    }

    /// Streams by index.
    package var tracks: [Int: Track] = [:]
    /// Whether the whole file was read, rather than as much as the limits allow.
    package var isComplete = false
    /// Reads that failed.
    package var readErrors = 0

    /// Limits of a scan: ten minutes of 60 frames a second, 4 GB.
    private static let maximumPackets = 36_000
    private static let maximumBytes: Int64 = 4_000_000_000

    /// Reads the packets of `wanted` streams.
    package init(of demuxer: Demuxer, streams wanted: [Int], pictures: Set<Int>) throws(MediaError) {
        demuxer.keep(wanted)
        let packet = try Packet()
        var readers: [Int: TrackScan] = [:]
        for index in wanted {
            readers[index] = TrackScan(base: demuxer.timeBase(of: index), codec: demuxer.codecName(of: index))
        }
        var bytes: Int64 = 0
        while true {
            guard try demuxer.read(into: packet) else {
                isComplete = true
                break
            }
            readers[packet.stream]?.add(packet, isPicture: pictures.contains(packet.stream))
            bytes += Int64(packet.size)
            if bytes > PacketScan.maximumBytes { break }
            if let reader = readers[packet.stream], reader.times.count > PacketScan.maximumPackets { break }
        }
        readErrors = demuxer.readErrors
        tracks = readers.mapValues { $0.finish() }
    }
}

/// Collects what one stream's packets say.
private struct TrackScan {
    let base: Rational
    let codec: String
    var track = PacketScan.Track()
    var times: [Double] = []
    private var keys: [Double] = []
    private var lastKey: Double?
    private var lastDuration = 0.0
    private var isOpen = false

    init(base: Rational, codec: String) {
        self.base = base
        self.codec = codec
    }

    mutating func add(_ packet: Packet, isPicture: Bool) {
        track.packets += 1
        track.bytes += Int64(packet.size)
        if packet.isCorrupt { track.corrupt += 1 }
        if packet.isHidden || packet.isReferenceOnly(codec: codec) {
            track.hidden += 1
            return
        }
        let unit = base.value ?? 0
        guard let tick = packet.pts ?? packet.dts else { return }
        let time = Double(tick) * unit
        lastDuration = Double(packet.duration) * unit
        track.start = min(track.start ?? time, time)
        track.end = max(track.end ?? time, time + lastDuration)
        guard isPicture else { return }
        if times.isEmpty { track.startsWithKeyFrame = packet.isKey }
        times.append(time)
        if packet.isKey {
            keys.append(time)
            lastKey = time
        } else if let lastKey, time < lastKey - 1e-6 {
            isOpen = true
        }
    }

    func finish() -> PacketScan.Track {
        var track = track
        guard let first = times.first else { return track }
        let sorted = times.sorted()
        let steps = zip(sorted, sorted.dropFirst()).map { $1 - $0 }
        if steps.count >= 2 {
            let usual = steps.sorted()[steps.count / 2]
            // Container time bases round: a millisecond for Matroska.
            let tolerance = max(0.0015, usual * 0.06)
            track.isEven = steps.allSatisfy { abs($0 - usual) <= tolerance }
            track.step = usual
        }
        let end = track.end ?? first
        let sortedKeys = keys.sorted()
        if !sortedKeys.isEmpty {
            track.longestKeyFrameInterval = zip(sortedKeys, sortedKeys.dropFirst() + [end]).map { $1 - $0 }.max()
            track.closedGroups = !isOpen
        }
        return track
    }
}
