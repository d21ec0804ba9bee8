import Foundation
package import PipelineKit

/// Finds the frame of a prepared video that makes the best cover.
///
/// Scores keyframes first: they are the cheapest to decode, and encoders place them at cuts. Then scores every frame
/// around the best of them, which finds still moments in movement and tells a fade from a dark scene.
package enum CoverFinder {
    /// The frame chosen as the cover.
    package struct Cover: Sendable, Hashable {
        /// PTS of the frame in seconds.
        package var time: Double
        /// Its score, 0 … 1.
        package var score: Double
        /// Number of frames scored.
        package var measured: Int
    }

    /// Earliest cover time in seconds: frames before it are often black or part of a fade.
    package static let earliest = 0.2
    /// Most keyframes to score; of more, every n-th one is scored.
    private static let maximumKeyFrames = 120
    /// Fewest frames to score before choosing the best.
    private static let fewestSamples = 8
    /// Number of keyframes whose neighbouring frames are scored.
    private static let finalists = 3
    /// Distance from a keyframe up to which frames are scored, in seconds.
    private static let surroundings = 0.6
    /// Shortest time between two frames scored there, in seconds.
    private static let step = 0.045

    /// Finds the best frame of the file at `path`.
    /// - Parameters:
    ///   - duration: Length of the video in seconds.
    ///   - still: Where to write the frame; nil to write none.
    /// - Throws: `MediaError` if nothing can be decoded or the work is cancelled.
    package static func find(
        in path: String, duration: Double, still: (path: String, format: StillFile.Format)? = nil,
        cancellation: CancellationFlag, progress: (Double) -> Void = { _ in }
    ) throws(MediaError) -> Cover {
        let log = MediaLog()
        return try log.attached { () throws(MediaError) in
            let reader = try FrameReader(path: path, cancellation: cancellation)
            let scorer = FrameScorer(log: log)
            let samples = try samples(of: reader, duration: duration, scorer: scorer, progress: progress)
            let best = samples.sorted { $0.score.value > $1.score.value }.prefix(finalists)
            // In very short clips, frames from the middle on qualify.
            let earliest = min(CoverFinder.earliest, max(0, duration * 0.5))
            var candidates: [ScoredFrame] = []
            for (index, sample) in best.enumerated() {
                candidates += settled(try neighbours(of: sample.time, in: reader, scorer: scorer))
                    .filter { $0.time >= earliest - 0.0005 }
                progress(0.6 + 0.35 * Double(index + 1) / Double(finalists))
            }
            // Of equal frames take the earlier one, so that the same footage gives the same cover.
            let chosen = candidates.max { ($0.score.value, -$0.time) < ($1.score.value, -$1.time) } ?? best.first
            let time = chosen?.time ?? 0
            if let still {
                try reader.frames(at: [time]) { (frame, _) throws(MediaError) in
                    try StillFile.write(frame, to: still.path, format: still.format)
                }
            }
            return Cover(time: time, score: chosen?.score.value ?? 0, measured: scorer.count)
        }
    }

    /// A frame by its PTS in seconds, and its score.
    private typealias ScoredFrame = (time: Double, score: FrameScore)

    /// Scores keyframes, and frames at regular intervals if there are few of them.
    private static func samples(
        of reader: FrameReader, duration: Double, scorer: FrameScorer, progress: (Double) -> Void
    ) throws(MediaError) -> [ScoredFrame] {
        var samples: [ScoredFrame] = []
        let stride = max(1, Int(saturating: duration) / maximumKeyFrames)
        var number = 0
        try reader.keyFrames { (frame, time) throws(MediaError) in
            defer { number += 1 }
            guard number % stride == 0 else { return true }
            if let score = try scorer.score(frame) { samples.append((time, score)) }
            progress(min(0.6, 0.6 * time / max(duration, 0.001)))
            return true
        }
        if samples.count < fewestSamples {
            let times = (0..<fewestSamples).map { duration * (Double($0) + 0.5) / Double(fewestSamples) }
            try reader.frames(at: times) { (frame, time) throws(MediaError) in
                if let score = try scorer.score(frame) { samples.append((time, score)) }
            }
        }
        return samples
    }

    /// Scores the frames around a keyframe.
    private static func neighbours(
        of time: Double, in reader: FrameReader, scorer: FrameScorer
    ) throws(MediaError) -> [ScoredFrame] {
        var frames: [ScoredFrame] = []
        try reader.frames(from: max(0, time - surroundings), to: time + surroundings) {
            (frame, time) throws(MediaError) in
            guard time - (frames.last?.time ?? -1) > step, let score = try scorer.score(frame) else { return }
            frames.append((time, score))
        }
        return frames
    }

    /// Removes frames within a fade, around which brightness steadily rises or falls. Keeps all if none would remain.
    private static func settled(_ frames: [ScoredFrame]) -> [ScoredFrame] {
        let neighbours = 3
        let kept = frames.indices.filter { index in
            guard index >= neighbours, index + neighbours < frames.count else { return true }
            let steps = (index - neighbours..<index + neighbours).map {
                frames[$0 + 1].score.brightness - frames[$0].score.brightness
            }
            let isOneWay = steps.allSatisfy { $0 > 0.002 } || steps.allSatisfy { $0 < -0.002 }
            return !(isOneWay && abs(steps.reduce(0, +)) > 0.06)
        }
        return kept.isEmpty ? frames : kept.map { frames[$0] }
    }
}

/// Scores frames by their downscaled brightness.
private final class FrameScorer {
    private let downscaler: FrameFilter
    /// Number of frames scored.
    private(set) var count = 0

    init(log: MediaLog) {
        downscaler = FrameFilter("[in]scale=w='min(360,iw)':h=-2:flags=area,format=gray[out]", log: log)
    }

    func score(_ frame: Frame) throws(MediaError) -> FrameScore? {
        count += 1
        return GrayImage(try downscaler.apply(frame)).map(FrameScore.init)
    }
}
