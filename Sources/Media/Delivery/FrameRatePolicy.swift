import Foundation
package import PipelineKit

/// Decides the constant rate of a delivery.
package enum FrameRatePolicy {
    /// Rates that are kept.
    static let usual = [
        Rational(24_000, 1001), Rational(24, 1), Rational(25, 1), Rational(30_000, 1001), Rational(30, 1),
        Rational(48, 1), Rational(50, 1), Rational(60_000, 1001), Rational(60, 1),
    ]

    /// A choice of rate.
    package struct Choice: Sendable, Hashable {
        /// The rate.
        package var rate: Rational
        /// Why it is not the footage's own; nil when it is.
        package var reason: String?
        /// Whether the footage's own rate would do as well, so that its packets may be copied.
        package var ownWouldDo = false
    }

    /// The rate for footage.
    /// - Parameters:
    ///   - requested: What the user asks for; nil to choose.
    ///   - speed: How many times faster it is played.
    package static func choose(for track: VideoTrack, requested: Rational?, speed: Double = 1) -> Choice {
        let rate =
            track.averageFrameRate.value.flatMap { $0 > 0 && $0 < 1000 ? $0 : nil }
            ?? track.realFrameRate.value.flatMap { $0 > 0 && $0 < 1000 ? $0 : nil }
        // Played faster, footage keeps its rate where that is usual: some of its frames are left out.
        if speed != 1, requested == nil, let rate, let near = nearest(rate, within: 0.025) {
            return Choice(rate: near, reason: "the footage is played faster")
        }
        let own = rate.map { $0 * speed }
        if let requested {
            guard let own, let wanted = requested.value, abs(own - wanted) < wanted * 0.0005,
                track.constantFrameRate != false
            else { return Choice(rate: requested, reason: "the frame rate is set to \(text(requested))") }
            return Choice(rate: requested, ownWouldDo: true)
        }
        guard let own else { return Choice(rate: Rational(30, 1), reason: "the footage does not say its frame rate") }
        let isSteady = track.constantFrameRate != false
        if let near = nearest(own, within: 0.0004), isSteady { return Choice(rate: near, ownWouldDo: true) }
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
            isSteady ? "\(text(own)) fps is no usual rate" : "the frame rate varies (\(text(own)) fps on average)"
        let near = nearest(own, within: isSteady ? 0.01 : 0.025)
        return Choice(
            rate: near ?? Rational(own > 45 ? 60 : 30, 1), reason: reason,
            ownWouldDo: isSteady && own <= DeliverySpec.maximumFrameRate)
    }

    /// The usual rate closest to `rate`, when the relative difference is small enough.
    static func nearest(_ rate: Double, within tolerance: Double) -> Rational? {
        usual.compactMap { candidate in candidate.value.map { (candidate, abs($0 - rate) / rate) } }
            .filter { $0.1 <= tolerance }.min { $0.1 < $1.1 }?.0
    }

    /// A rate that a person wrote, 29.97 meaning 30000/1001.
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
