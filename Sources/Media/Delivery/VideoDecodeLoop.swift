import Foundation
import PipelineKit

/// A frame for the filters, with its PTS counted from the start of the delivery.
struct TimedFrame: Sendable {
    let frame: Frame
    /// End of the frame in the footage's time base; set only for the last frame.
    var end: Int64?
}

/// Reads and decodes the video stream. Used by one thread.
final class VideoDecodeLoop {
    private let decision: DeliveryDecision
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let stream: Int
    private let output: BoundedQueue<TimedFrame>
    private let cancellation: CancellationFlag
    private let timeBase: Rational
    private let origin: Int64
    /// Skips packets before the start that need no decoding.
    private var lead: KeyframePreroll

    /// The previous frame: passed on once the next one is known, or dropped if it ends before the delivery starts.
    private var waiting: Frame?
    private var lastTime: Int64?
    private var lastStep: Int64
    /// One frame of the delivery, in the footage's time base.
    private let outputStep: Int64
    private var given = 0
    private var isWanted = true

    /// Frames dropped because their PTS is not after that of an earlier frame.
    private(set) var disorderedFrames = 0

    init(
        source: FootageSource, track: VideoTrack, decision: DeliveryDecision, output: BoundedQueue<TimedFrame>,
        log: MediaLog, cancellation: CancellationFlag
    ) throws(MediaError) {
        self.decision = decision
        self.output = output
        self.cancellation = cancellation
        stream = track.index
        demuxer = try source.demuxer(keeping: track.index, from: decision.start)
        decoder = try Decoder(
            stream: track.index, of: demuxer, log: log, threads: Processors.decoderThreads(for: track))
        timeBase = demuxer.timeBase(of: track.index)
        origin = ticks(decision.start, timeBase.av)
        let isTrimmed = decision.start - (track.startTime ?? 0) > 0.2
        lead = KeyframePreroll(
            codec: track.codec, randomAccess: demuxer.parameters(of: track.index).flatMap { RandomAccessDetector($0) },
            start: origin,
            limit: isTrimmed ? KeyframePreroll.usualLimit : 0)
        outputStep = max(1, ticks(1 / (decision.frameRate.value ?? 30), timeBase.av))
        let own = track.averageFrameRate.value.flatMap { (1.0...1000).contains($0) ? $0 : nil }
        lastStep = max(1, ticks(1 / (own ?? decision.frameRate.value ?? 30), timeBase.av))
    }

    /// Time base of the output frames.
    var unit: Rational { timeBase }
    /// Counts of decoded frames, of damaged ones among them, and of packets that could not be decoded.
    var tally: (decoded: Int, damaged: Int, refused: Int) {
        (decoder.frames, decoder.damagedFrames, decoder.refusedPackets)
    }

    /// Decodes until the footage ends or the filters stop taking frames.
    func run() throws(MediaError) {
        defer { output.finish() }
        let packet = try Packet()
        while isWanted, try demuxer.read(into: packet) {
            guard packet.stream == stream else { continue }
            for ready in try lead.accept(packet) {
                try decoder.send(ready)
                try drain()
                if !isWanted { return }
            }
        }
        for ready in lead.rest() {
            try decoder.send(ready)
            try drain()
        }
        guard isWanted else { return }
        try decoder.send(nil)
        try drain()
        try end()
    }

    private func drain() throws(MediaError) {
        var decoded = try Frame()
        while isWanted, try decoder.receive(into: decoded) {
            try cancellation.check("decoding")
            let time: Int64
            if let told = decoded.time {
                time = bounded(Int64((Double(told - origin) / decision.speed).rounded()))
            } else {
                time = bounded((lastTime ?? -lastStep) + lastStep)
            }
            if let lastTime {
                guard time > lastTime else {
                    disorderedFrames += 1
                    continue
                }
                lastStep = bounded(time - lastTime)
            }
            lastTime = time
            decoded.pts = time
            // A frame that ends before the delivery starts is never shown.
            if let waiting, time > 0 { give(TimedFrame(frame: waiting)) }
            waiting = decoded
            decoded = try Frame()
        }
    }

    /// Passes on the last frame, held until the expected end of the delivery if that is not too long.
    private func end() throws(MediaError) {
        guard isWanted, let last = waiting else { return }
        waiting = nil
        let start = last.pts
        let own = Int64((Double(last.duration) / decision.speed).rounded())
        var end = bounded(start + (own > 0 ? own : lastStep))
        // A single frame without a duration is still shown for one frame of the delivery.
        if given == 0 { end = max(end, max(start, 0) + outputStep) }
        let wanted = ticks(decision.duration, timeBase.av)
        if wanted > end, wanted - end <= ticks(DeliveryDecision.longestHold, timeBase.av) { end = wanted }
        give(TimedFrame(frame: last, end: max(end, start + 1)))
    }

    private func give(_ frame: TimedFrame) {
        given += 1
        if !output.put(frame) { isWanted = false }
    }
}
