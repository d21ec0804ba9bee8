import Foundation
package import PipelineKit

/// Finds the frame of a prepared video that makes the best cover.
///
/// Key frames are looked at first, since they cost least: encoders put them at cuts. Then every frame around the best of
/// them is measured, which finds the still moment in a movement and tells a fade from a dark scene.
package enum CoverFinder {
    /// A frame that was found.
    package struct Cover: Sendable, Hashable {
        /// Its time in seconds.
        package var time: Double
        /// Its score, 0 … 1.
        package var score: Double
        /// Frames that were measured.
        package var measured: Int
    }

    /// Frames before this time are often black, or the first of a fade.
    package static let earliest = 0.2
    /// Key frames measured at most; of more, every n-th is.
    private static let maximumKeyFrames = 120
    /// Frames measured at least before the best are chosen.
    private static let fewestSamples = 8
    /// Key frames whose surroundings are measured.
    private static let finalists = 3
    /// How far from a key frame is looked, in seconds.
    private static let surroundings = 0.6
    /// Least time between two frames that are measured there.
    private static let step = 0.045

    /// The best frame of the file at `path`.
    /// - Parameters:
    ///   - duration: Its length in seconds.
    ///   - still: Where to write the frame; nil for nowhere.
    /// - Throws: `MediaError` when nothing can be decoded, or when cancelled.
    package static func find(
        in path: String, duration: Double, still: (path: String, format: StillFile.Format)? = nil,
        cancellation: CancellationFlag, progress: (Double) -> Void = { _ in }
    ) throws(MediaError) -> Cover {
        let log = MediaLog()
        return try log.attached { () throws(MediaError) in
            let reader = try FrameReader(path: path, cancellation: cancellation)
            let eye = FrameFilter("[in]scale=w='min(360,iw)':h=-2:flags=area,format=gray[out]", log: log)
            var measured = 0
            func score(_ frame: Frame) throws(MediaError) -> FrameScore? {
                measured += 1
                return GrayPicture(try eye.apply(frame)).map(FrameScore.init)
            }
            // A clip that is over before it begins to count has its last frame.
            let earliest = min(CoverFinder.earliest, max(0, duration * 0.5))
            let stride = max(1, Int(saturating: duration) / maximumKeyFrames)
            var keys: [(time: Double, value: Double)] = []
            var number = 0
            try reader.keyFrames { (frame, time) throws(MediaError) in
                defer { number += 1 }
                guard number % stride == 0 else { return true }
                if let found = try score(frame) { keys.append((time, found.value)) }
                progress(min(0.6, 0.6 * time / max(duration, 0.001)))
                return true
            }
            // A file with few key frames is looked at in between as well.
            if keys.count < fewestSamples {
                let times = (0..<fewestSamples).map { duration * (Double($0) + 0.5) / Double(fewestSamples) }
                try reader.frames(at: times) { (frame, time) throws(MediaError) in
                    if let found = try score(frame) { keys.append((time, found.value)) }
                }
            }
            let best = keys.sorted { $0.value > $1.value }.prefix(finalists)
            var candidates: [(time: Double, score: FrameScore)] = []
            for (index, key) in best.enumerated() {
                var near: [(time: Double, score: FrameScore)] = []
                try reader.frames(from: max(0, key.time - surroundings), to: key.time + surroundings) {
                    (frame, time) throws(MediaError) in
                    guard time - (near.last?.time ?? -1) > step, let found = try score(frame) else { return }
                    near.append((time, found))
                }
                candidates += settled(near).filter { $0.time >= earliest - 0.0005 }
                progress(0.6 + 0.35 * Double(index + 1) / Double(finalists))
            }
            // Of frames that are alike the earlier one: the same footage gives the same cover.
            let chosen = candidates.max { ($0.score.value, -$0.time) < ($1.score.value, -$1.time) }
            let time = chosen?.time ?? best.first?.time ?? 0
            if let still {
                try reader.frames(at: [time]) { (frame, _) throws(MediaError) in
                    try StillFile.write(frame, to: still.path, format: still.format)
                }
            }
            return Cover(time: time, score: chosen?.score.value ?? best.first?.value ?? 0, measured: measured)
        }
    }

    /// Frames without those in the midst of a fade: brightness rises or falls from frame to frame all around them.
    private static func settled(_ frames: [(time: Double, score: FrameScore)]) -> [(time: Double, score: FrameScore)] {
        let reach = 3
        let kept = frames.indices.filter { index in
            guard index >= reach, index + reach < frames.count else { return true }
            let steps = (index - reach..<index + reach).map {
                frames[$0 + 1].score.brightness - frames[$0].score.brightness
            }
            let isOneWay = steps.allSatisfy { $0 > 0.002 } || steps.allSatisfy { $0 < -0.002 }
            return !(isOneWay && abs(steps.reduce(0, +)) > 0.06)
        }
        return kept.isEmpty ? frames : kept.map { frames[$0] }
    }
}
