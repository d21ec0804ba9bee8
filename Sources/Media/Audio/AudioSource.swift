import Foundation
import PipelineKit

/// Decodes one audio track to 48 kHz stereo, on the timeline of the delivery.
final class AudioSource {
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let stream: Int
    private let timeBase: Rational
    private let origin: Int64
    /// Latest possible end of the delivery, in seconds.
    private let limit: Double
    private let speed: Double
    /// Filters after the mix to stereo, such as a gain.
    private let filters: [String]
    private let log: MediaLog
    private let cancellation: CancellationFlag

    private let packet: Packet
    private let decoded: Frame
    private var graph: FilterGraph?
    private var shape: [Int] = []
    private var layout: UInt64 = 0
    private var expected: Int64?
    private var isAtEnd = false
    private var isDraining = false

    /// Number of samples produced so far.
    private(set) var produced = 0

    /// - Parameters:
    ///   - start: Start of the delivery in seconds, on the footage's own timeline.
    ///   - limit: Latest possible end of the delivery, in seconds of the delivery.
    ///   - speed: Playback speed; the pitch is kept.
    ///   - filters: Filters to apply to the 48 kHz stereo audio.
    init(
        source: FootageSource, stream index: Int, start: Double, limit: Double, speed: Double, filters: [String]
    ) throws(MediaError) {
        stream = index
        self.limit = limit
        self.speed = speed
        self.filters = filters
        log = source.log
        cancellation = source.cancellation
        // Start a second early to prime the resampler and decoders that depend on earlier packets.
        demuxer = try source.demuxer(keeping: index, from: start - 1, needsStreamInfo: false)
        decoder = try Decoder(stream: index, of: demuxer, log: log, threads: 1)
        timeBase = demuxer.timeBase(of: index)
        origin = ticks(start, timeBase.av)
        packet = try Packet()
        decoded = try Frame()
    }

    /// Number of packets that could not be decoded.
    var refusedPackets: Int { decoder.statistics.refusedPackets }
    /// End of the audio produced so far, in seconds of the delivery.
    var seconds: Double { Double(produced) / Double(DeliverySpec.sampleRate) }

    /// Returns the next block of audio; nil at the end.
    func next() throws(MediaError) -> Frame? {
        while true {
            try cancellation.check("decoding audio")
            if let graph {
                let frame = try Frame()
                if case .frame = try graph.pull(into: frame) {
                    produced += frame.samples
                    return frame
                }
            }
            if isAtEnd { return nil }
            try feed()
        }
    }

    /// Sends a decoded frame to the filters or a packet to the decoder, or closes the filters at the end.
    private func feed() throws(MediaError) {
        if try decoder.receive(into: decoded) {
            try take(decoded)
            return
        }
        if isDraining {
            isAtEnd = true
            try graph?.close(at: expected ?? 0)
            return
        }
        while try demuxer.read(into: packet) {
            guard packet.stream == stream else { continue }
            // Half a second of preroll is enough for every decoder.
            if let time = packet.pts, time + packet.duration < origin - ticks(0.5, timeBase.av) { continue }
            if let time = packet.pts, Double(time - origin) * (timeBase.value ?? 0) / speed > limit + 1 { break }
            try decoder.send(packet)
            return
        }
        isDraining = true
        try decoder.send(nil)
    }

    private func take(_ frame: Frame) throws(MediaError) {
        guard frame.samples > 0, frame.sampleRate > 0 else { return }
        let time = bounded(frame.time.map { $0 - origin } ?? expected ?? 0)
        let length = Double(frame.samples) / Double(frame.sampleRate)
        frame.pts = time
        expected = time + ticks(length, timeBase.av)
        // Skip audio beyond the end: the resampler would fill the gap with silence, hours of it in damaged files.
        if Double(time) * (timeBase.value ?? 0) / speed > limit { return }
        frame.normaliseLayout()
        let shape = [frame.sampleRate, frame.channels, frame.sampleFormat]
        // Broadcasts may change the channel layout without changing the number of channels.
        if shape != self.shape || frame.layoutMask != layout {
            // Drain the old filters and drop the result: a few milliseconds around a change of format.
            if let graph {
                try graph.close(at: time)
                let rest = try Frame()
                while case .frame = try graph.pull(into: rest) { produced += rest.samples }
            }
            graph = try FilterGraph(
                audio: description(channels: frame.channels), like: frame, timeBase: timeBase, log: log)
            self.shape = shape
            layout = frame.layoutMask
        }
        try graph?.push(frame)
    }

    /// The filter chain. Fills gaps and cuts overlaps by timestamp, copies mono to both sides unchanged, and mixes more
    /// channels down without clipping.
    private func description(channels: Int) -> String {
        let rate = DeliverySpec.sampleRate
        let first = Int((Double(produced) * speed).rounded())
        var chain: [String] = []
        if channels == 1 { chain.append("pan=stereo|c0=c0|c1=c0") }
        if channels > 8 { chain.append("pan=stereo|c0=c0|c1=c1") }
        chain.append("aresample=\(rate):async=1:min_hard_comp=0.02:first_pts=\(first):rematrix_maxval=1.0")
        let format = "aformat=sample_fmts=fltp:sample_rates=\(rate):channel_layouts=stereo"
        chain.append(format)
        if speed != 1 { chain.append("atempo=\(speed)") }
        chain += filters
        // A format conversion after the meter would lose its readings.
        if speed != 1 || !filters.isEmpty, filters.last != LoudnessMeter.filter { chain.append(format) }
        return "[in]" + chain.joined(separator: ",") + "[out]"
    }
}
