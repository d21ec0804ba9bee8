import Foundation
package import PipelineKit

/// How footage that meets the spec is cut with as little encoding as can be: whole groups of pictures are copied, the
/// groups that the cuts go through are encoded anew as far as they stay.
package struct CutPlan: Sendable, Hashable {
    /// The first picture's number in the footage, counted from its first picture.
    package var first: Int
    /// The number after the last picture.
    package var end: Int
    /// The last key frame at or before the first picture: decoding starts there when a group is cut.
    package var headKey: Int
    /// Where copying begins: the number of a key frame.
    package var copyStart: Int
    /// Where copying ends: the number of a key frame, or that after the last picture of the footage.
    package var copyEnd: Int
    /// Time of the footage's first picture, in seconds.
    package var origin: Double
    /// The footage's rate.
    package var frameRate: Rational

    /// Pictures that are encoded.
    package var encoded: Int { copyStart - first + (end - copyEnd) }
    /// Where the cut starts, in the footage's own time, in seconds.
    package var start: Double { origin + Double(first) / (frameRate.value ?? 30) }
    /// Pictures of the delivery.
    package var count: Int { end - first }

    /// Copying must save at least this share of the encoding to be worth two joints.
    private static let leastShare = 0.25

    /// Plans; nil when nothing worth it could be copied.
    /// - Parameters:
    ///   - start: Where the delivery starts, in the footage's own time, in seconds.
    ///   - limit: Pictures that the delivery may have.
    package init?(track: VideoTrack, start: Double, length: Double, limit: Int, frameRate: Rational) {
        guard track.closedGroups == true, let rate = frameRate.value, rate > 0, let origin = track.startTime,
            let duration = track.duration, let times = track.keyFrameTimes
        else { return nil }
        let keys = times.map { ($0 - origin) * rate }
        // Key frames that are off the grid would move pictures.
        guard keys.first ?? 1 < 0.5, keys.allSatisfy({ abs($0 - $0.rounded()) < 0.1 }) else { return nil }
        let whole = Int(saturating: (duration * rate).rounded())
        first = max(0, Int(saturating: ((start - origin) * rate).rounded()))
        end = min(whole, first + min(limit, Int(saturating: (length * rate).rounded())))
        let numbers = keys.map { Int(saturating: $0.rounded()) }
        let (first, end) = (first, end)
        guard let copyStart = numbers.first(where: { $0 >= first }) else { return nil }
        // At the footage's end its last group is whole.
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
