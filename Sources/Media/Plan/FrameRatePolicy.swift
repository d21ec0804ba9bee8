import Foundation
package import PipelineKit

/// Chooses the constant frame rate of a delivery.
package enum FrameRatePolicy {
    /// Standard frame rates, which deliveries keep.
    static let standard = [
        Rational(24_000, 1001), Rational(24, 1), Rational(25, 1), Rational(30_000, 1001), Rational(30, 1),
        Rational(48, 1), Rational(50, 1), Rational(60_000, 1001), Rational(60, 1),
    ]

    /// The chosen frame rate and the reason for it.
    package struct Choice: Sendable, Hashable {
        package var rate: Rational
        /// Why the rate differs from the footage's own, as a clause; nil if it does not.
        package var reason: String?
        /// Whether the footage's own rate is acceptable too, so that its packets may be copied.
        package var allowsCopy = false
    }

    /// Chooses the frame rate for a video track.
    /// - Parameters:
    ///   - requested: The rate that the user set; nil to choose one.
    ///   - speed: Playback speed relative to the footage.
    package static func choose(for track: VideoTrack, requested: Rational?, speed: Double = 1) -> Choice {
        let rate =
            track.averageFrameRate.value.flatMap { $0 > 0 && $0 < 1000 ? $0 : nil }
            ?? track.realFrameRate.value.flatMap { $0 > 0 && $0 < 1000 ? $0 : nil }
        // Footage that is played faster keeps its rate if it is a standard one: some frames are dropped.
        if speed != 1, requested == nil, let rate, let near = nearest(rate, within: 0.025) {
            return Choice(rate: near, reason: "the footage is played faster")
        }
        let own = rate.map { $0 * speed }
        if let requested {
            guard let own, let wanted = requested.value, abs(own - wanted) < wanted * 0.0005,
                track.constantFrameRate != false
            else { return Choice(rate: requested, reason: "the frame rate is set to \(text(requested))") }
            return Choice(rate: requested, allowsCopy: true)
        }
        guard let own else { return Choice(rate: Rational(30, 1), reason: "the footage's frame rate is unknown") }
        let isSteady = track.constantFrameRate != false
        if let near = nearest(own, within: 0.0004), isSteady { return Choice(rate: near, allowsCopy: true) }
        if own < DeliverySpec.minimumFrameRate {
            // An exact multiple repeats every frame equally often.
            for rate in [24, 25, 30] where abs((Double(rate) / own).rounded() - Double(rate) / own) < 0.004 {
                return Choice(rate: Rational(rate, 1), reason: "\(text(own)) fps is below 23")
            }
            return Choice(rate: Rational(30, 1), reason: "\(text(own)) fps is below 23")
        }
        if own > DeliverySpec.maximumFrameRate * 1.01 {
            return Choice(rate: Rational(60, 1), reason: "\(text(own)) fps is above 60")
        }
        let reason =
            isSteady ? "\(text(own)) fps is not a standard rate" : "the frame rate varies (\(text(own)) fps on average)"
        let near = nearest(own, within: isSteady ? 0.01 : 0.025)
        return Choice(
            rate: near ?? Rational(own > 45 ? 60 : 30, 1), reason: reason,
            allowsCopy: isSteady && own <= DeliverySpec.maximumFrameRate)
    }

    /// The standard rate closest to `rate`; nil if the relative difference exceeds `tolerance`.
    static func nearest(_ rate: Double, within tolerance: Double) -> Rational? {
        standard.compactMap { candidate in candidate.value.map { (candidate, abs($0 - rate) / rate) } }
            .filter { $0.1 <= tolerance }.min { $0.1 < $1.1 }?.0
    }

    /// Converts a rate that a user wrote: 29.97 means 30000/1001.
    package static func rational(_ rate: Double) -> Rational {
        if let near = nearest(rate, within: 0.0004), let value = near.value,
            abs(value - rate) < 0.006, rate != rate.rounded() || value == rate
        {
            return near
        }
        return Rational(approximating: rate)
    }

    static func text(_ rate: Rational) -> String { rate.value.map(text) ?? "unknown" }
    static func text(_ rate: Double) -> String {
        rate == rate.rounded() ? "\(Int(rate))" : String(format: "%.2f", rate)
    }
}
