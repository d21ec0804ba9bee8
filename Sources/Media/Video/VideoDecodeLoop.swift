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
    private let excerpt: DeliveryDecision.Excerpt
    private let demuxer: Demuxer
    private let decoder: Decoder
    private let stream: Int
    private let output: BoundedQueue<TimedFrame>
    private let cancellation: CancellationFlag
    private let timeBase: Rational
    private let origin: Int64
    /// Skips packets before the start that need no decoding.
    private var preroll: KeyframePreroll

    /// The previous frame: passed on once the next one is known, or dropped if it ends before the delivery starts.
    private var pending: Frame?
    private var lastTime: Int64?
    private var lastStep: Int64
    /// One frame of the delivery, in the footage's time base.
    private let outputStep: Int64
    private var emitted = 0
    private var isWanted = true

    /// Frames dropped because their PTS is not after that of an earlier frame.
    private(set) var disorderedFrames = 0

    init(_ task: DeliveryTask, output: BoundedQueue<TimedFrame>) throws(MediaError) {
        let track = task.track
        excerpt = task.decision.excerpt
        self.output = output
        cancellation = task.source.cancellation
        stream = track.index
        demuxer = try task.source.demuxer(keeping: track.index, from: excerpt.start)
        decoder = try Decoder(
            stream: track.index, of: demuxer, log: task.source.log, threads: Decoder.threads(for: track))
        timeBase = demuxer.timeBase(of: track.index)
        origin = ticks(excerpt.start, timeBase.av)
        let isTrimmed = excerpt.start - (track.startTime ?? 0) > 0.2
        preroll = KeyframePreroll(
            codec: track.codec, randomAccess: demuxer.parameters(of: track.index).flatMap { RandomAccessDetector($0) },
            start: origin, limit: isTrimmed ? KeyframePreroll.usualLimit : 0)
        let rate = task.decision.format.framesPerSecond
        outputStep = max(1, ticks(1 / rate, timeBase.av))
        let ownRate = track.averageFrameRate.value.flatMap { (1.0...1000).contains($0) ? $0 : nil }
        lastStep = max(1, ticks(1 / (ownRate ?? rate), timeBase.av))
    }

    /// Time base of the output frames.
    var outputTimeBase: Rational { timeBase }
    /// How much was decoded, and how much of it is damaged.
    var statistics: DecodeStatistics { decoder.statistics }

    /// Decodes until the footage ends or the filters stop taking frames.
    func run() throws(MediaError) {
        defer { output.finish() }
        let packet = try Packet()
        while isWanted, try demuxer.read(into: packet) {
            guard packet.stream == stream else { continue }
            for ready in try preroll.accept(packet) {
                try decoder.send(ready)
                try drain()
                if !isWanted { return }
            }
        }
        for ready in preroll.flush() {
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
            if let pts = decoded.time {
                time = bounded(Int64((Double(pts - origin) / excerpt.speed).rounded()))
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
            if let pending, time > 0 { emit(TimedFrame(frame: pending)) }
            pending = decoded
            decoded = try Frame()
        }
    }

    /// Passes on the last frame, held until the expected end of the delivery if that is not too long.
    private func end() throws(MediaError) {
        guard isWanted, let last = pending else { return }
        pending = nil
        let start = last.pts
        let ownDuration = Int64((Double(last.duration) / excerpt.speed).rounded())
        var end = bounded(start + (ownDuration > 0 ? ownDuration : lastStep))
        // A single frame without a duration is still shown for one frame of the delivery.
        if emitted == 0 { end = max(end, max(start, 0) + outputStep) }
        let expectedEnd = ticks(excerpt.duration, timeBase.av)
        if expectedEnd > end, expectedEnd - end <= ticks(DeliveryDecision.longestHold, timeBase.av) {
            end = expectedEnd
        }
        emit(TimedFrame(frame: last, end: max(end, start + 1)))
    }

    private func emit(_ frame: TimedFrame) {
        emitted += 1
        if !output.put(frame) { isWanted = false }
    }
}
