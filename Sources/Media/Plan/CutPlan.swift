import Foundation
package import PipelineKit

/// How to cut footage that meets the spec with as little encoding as possible: whole GOPs are copied; of the GOPs that a
/// cut goes through, the frames that stay are encoded.
package struct CutPlan: Sendable, Hashable {
    /// Number of the first delivered frame, counted from the footage's first frame.
    package var first: Int
    /// Number after the last delivered frame.
    package var end: Int
    /// Number of the last keyframe at or before ``first``: decoding starts there if the cut goes through a GOP.
    package var headKey: Int
    /// Number of the keyframe where copying begins.
    package var copyStart: Int
    /// Number of the keyframe before which copying ends, or the number after the footage's last frame.
    package var copyEnd: Int
    /// Time of the footage's first frame in seconds.
    package var origin: Double
    /// The footage's constant frame rate.
    package var frameRate: Rational

    /// Number of frames that are encoded rather than copied.
    package var encoded: Int { copyStart - first + (end - copyEnd) }
    /// Where the delivery starts, in seconds of the footage's timeline.
    package var start: Double { origin + Double(first) / (frameRate.value ?? 30) }
    /// Number of frames in the delivery.
    package var count: Int { end - first }

    /// Copying must save at least this share of the encoding to be worth two joints, 0 … 1.
    private static let leastShare = 0.25

    /// Plans a cut; nil if the footage's GOPs or timestamps do not allow one, or too little could be copied.
    /// - Parameters:
    ///   - start: Where the delivery starts, in seconds of the footage's timeline.
    ///   - limit: The most frames that the delivery may have.
    package init?(track: VideoTrack, start: Double, length: Double, limit: Int, frameRate: Rational) {
        guard track.closedGroups == true, let rate = frameRate.value, rate > 0, let origin = track.startTime,
            let duration = track.duration, let times = track.keyFrameTimes
        else { return nil }
        let keys = times.map { ($0 - origin) * rate }
        // Keyframes off the grid of the frame rate would shift frames.
        guard keys.first ?? 1 < 0.5, keys.allSatisfy({ abs($0 - $0.rounded()) < 0.1 }) else { return nil }
        let whole = Int(saturating: (duration * rate).rounded())
        first = max(0, Int(saturating: ((start - origin) * rate).rounded()))
        end = min(whole, first + min(limit, Int(saturating: (length * rate).rounded())))
        let numbers = keys.map { Int(saturating: $0.rounded()) }
        let (first, end) = (first, end)
        guard let copyStart = numbers.first(where: { $0 >= first }) else { return nil }
        // The last GOP ends with the footage, so no cut goes through it.
        let copyEnd = end == whole ? whole : numbers.last { $0 <= end } ?? 0
        guard copyEnd > copyStart, Double(copyEnd - copyStart) >= Double(end - first) * CutPlan.leastShare else {
            return nil
        }
        headKey = numbers.last { $0 <= first } ?? 0
        self.copyStart = copyStart
        self.copyEnd = copyEnd
        self.origin = origin
        self.frameRate = frameRate
    }
}
