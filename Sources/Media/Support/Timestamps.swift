import CFFmpeg
import Foundation
import PipelineKit

/// Largest accepted magnitude of times and durations, in any time base: the sum of two still fits into 64 bits.
private let largestTime: Int64 = 4_000_000_000_000_000_000

/// Clamps a time or duration, so that absurd values in damaged footage can't overflow.
func bounded(_ value: Int64) -> Int64 { max(-largestTime, min(largestTime, value)) }

/// Clamps an FFmpeg timestamp; nil for `AV_NOPTS_VALUE`.
func timestamp(_ value: Int64) -> Int64? { value == spreader_no_timestamp() ? nil : bounded(value) }

/// Converts a timestamp to seconds.
func seconds(_ value: Int64, _ base: AVRational) -> Double { Double(value) * av_q2d(base) }

/// Converts seconds to the nearest timestamp, clamped.
func ticks(_ seconds: Double, _ base: AVRational) -> Int64 {
    guard base.num != 0 else { return 0 }
    return Int64(Int(saturating: (seconds * Double(base.den) / Double(base.num)).rounded()))
}

extension Int {
    /// The whole part of a number, clamped like times; 0 for NaN.
    init(saturating value: Double) {
        let limit = Double(largestTime)
        self = value.isNaN ? 0 : Int(Swift.max(-limit, Swift.min(limit, value)))
    }
}

extension Int {
    /// The even number nearest to `value`, at least 2 and at most `limit`.
    init(evenNearest value: Double, atMost limit: Int) {
        self = Swift.max(2, Swift.min(limit / 2 * 2, Int((value / 2).rounded()) * 2))
    }
}

extension Double {
    /// The number of seconds with two decimals, such as `12.34 s`.
    var secondsText: String { String(format: "%.2f s", self) }
}

/// Converts a timestamp to another time base, rounded to the nearest.
func rescaled(_ value: Int64, from old: Rational, to new: Rational) -> Int64 { av_rescale_q(value, old.av, new.av) }
