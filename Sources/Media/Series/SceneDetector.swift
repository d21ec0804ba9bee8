import Foundation
import PipelineKit

/// Detects scene changes by how much downscaled frames differ from the ones before.
enum SceneDetector {
    /// How much a frame differs from the one before, beyond the usual difference between frames.
    struct Reading: Sendable, Hashable {
        /// PTS in seconds on the footage's own timeline.
        var time: Double
        /// 0 … 100, libavfilter's scene score.
        var score: Double
    }

    /// Lowest score of a scene change.
    private static let threshold = 7.0
    /// Score from which a scene change has its full strength.
    private static let certain = 35.0
    /// Shortest time between two scene changes, in seconds.
    private static let distance = 0.3
    /// Seconds to decode before a window, since the first frame in it needs one before it.
    private static let runUp = 0.4

    /// Compares downscaled frames, in which noise and grain vanish.
    private static let filter = "[in]scale=w=96:h=54:flags=area,format=rgb24,scdet=threshold=100[out]"

    /// Decodes and scores the frames of `window`.
    /// - Parameter progress: Called with the time reached, in seconds.
    static func read(
        _ source: FootageSource, track: VideoTrack, window: ClosedRange<Double>, progress: (Double) -> Void
    ) throws(MediaError) -> [Reading] {
        let start = window.lowerBound - runUp
        let demuxer = try source.demuxer(keeping: track.index, from: start)
        let decoder = try Decoder(
            stream: track.index, of: demuxer, log: source.log, threads: Decoder.threads(for: track))
        let timeBase = demuxer.timeBase(of: track.index)
        var preroll = KeyframePreroll(
            codec: track.codec,
            randomAccess: demuxer.parameters(of: track.index).flatMap { RandomAccessDetector($0) },
            start: ticks(start, timeBase.av), limit: KeyframePreroll.usualLimit)
        let scorer = FrameFilter(filter, log: source.log)
        let (packet, frame) = (try Packet(), try Frame())
        var readings: [Reading] = []
        /// Scores the decoded frames; returns false once they lie behind the window.
        func drain() throws(MediaError) -> Bool {
            while try decoder.receive(into: frame) {
                try source.cancellation.check("detecting scene changes")
                guard let pts = frame.time else { continue }
                let time = Double(pts) * (timeBase.value ?? 0)
                if time > window.upperBound + runUp { return false }
                guard time >= start else { continue }
                let score = try scorer.apply(frame).metadata("lavfi.scd.score").flatMap(Double.init) ?? 0
                readings.append(Reading(time: time, score: score))
                progress(min(max(time, window.lowerBound), window.upperBound))
            }
            return true
        }
        while try demuxer.read(into: packet) {
            try source.cancellation.check("detecting scene changes")
            guard packet.stream == track.index else { continue }
            for ready in try preroll.accept(packet) {
                try decoder.send(ready)
                guard try drain() else { return readings }
            }
        }
        for ready in preroll.flush() {
            try decoder.send(ready)
            guard try drain() else { return readings }
        }
        try decoder.send(nil)
        _ = try drain()
        return readings
    }

    /// The scene changes in the readings of consecutive frames.
    static func scenes(in readings: [Reading]) -> [CutCandidate] {
        readings.indices.filter { index in
            let score = readings[index].score
            guard score >= threshold else { return false }
            // Keep the highest score nearby, and of equal ones the first.
            let isBeaten = readings.indices.contains { other in
                other != index && abs(readings[other].time - readings[index].time) < distance
                    && (readings[other].score > score || readings[other].score == score && other < index)
            }
            return !isBeaten
        }.map { index in
            CutCandidate(
                time: readings[index].time, strength: min(0.9, 0.9 * readings[index].score / certain), kind: .scene)
        }
    }
}
