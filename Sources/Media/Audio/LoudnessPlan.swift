import Foundation
import PipelineKit

/// How to reach a target loudness: with a single gain where that suffices, otherwise with a gain into a true-peak
/// limiter.
package struct LoudnessPlan: Sendable, Hashable {
    /// Gain to apply, in dB.
    package private(set) var gain: Double
    /// Limit of the true peaks, in dBTP.
    package private(set) var ceiling: Double
    /// Measurement of the unprocessed audio.
    private let source: LoudnessReading
    /// Loudness after the gain and the limiter, in LUFS.
    private var loudness: Double
    /// Loudness lost in the encoder, in LU.
    private var loss = 0.0

    /// Headroom for the encoder in dB: AAC usually raises the peaks slightly.
    private static let headroom = 0.5
    /// Largest gain in dB: more would only amplify noise.
    static let maximumGain = 30.0
    /// How far the gain may exceed the one derived from the first reading, to drive the limiter, in dB.
    private static let maximumDrive = 6.0
    /// Inaudible deviation from the target, in LU.
    package static let tolerance = 0.5
    /// Deviation from the target, in LU, at which the search for a better gain ends, and its most attempts.
    private static let convergence = 0.2
    private static let maximumAttempts = 4

    /// Plans from a measurement.
    /// - Returns: Nil for silence, which is left as it is.
    package init?(_ reading: LoudnessReading, target: Double, truePeak: Double) {
        guard let loudness = reading.integrated else { return nil }
        source = reading
        gain = min(target - loudness, LoudnessPlan.maximumGain)
        ceiling = truePeak - LoudnessPlan.headroom
        self.loudness = loudness + gain
    }

    /// Whether the gain alone would raise peaks above the ceiling.
    var isLimited: Bool { (source.truePeak ?? -.infinity) + gain > ceiling }

    /// Highest true peak of the encoder's input, in dBTP.
    private var peak: Double { min((source.truePeak ?? -.infinity) + gain, ceiling) }

    /// The filters. The limiter runs at four times the sample rate, where peaks between samples become samples.
    var filters: [String] {
        var filters = [String(format: "volume=%.3fdB:precision=float", gain)]
        if isLimited {
            let rate = DeliverySpec.sampleRate
            filters += [
                "aresample=\(rate * 4)",
                String(
                    format: "alimiter=limit=%.6f:attack=5:release=100:level=disabled:latency=1", pow(10, ceiling / 20)),
                "aresample=\(rate)",
            ]
        }
        return filters
    }
}

extension LoudnessPlan {
    /// Opens the audio with additional filters at the end.
    typealias Opening = (_ filters: [String]) throws(MediaError) -> AudioSource

    /// Measures the audio and plans its loudness.
    /// - Parameter limit: Most samples to measure.
    static func find(
        target: Double, truePeak: Double, limit: Int, open: Opening
    ) throws(MediaError) -> LoudnessPlan? {
        let reading = try LoudnessMeter.measure(try open([LoudnessMeter.filter]), limit: limit)
        var plan = LoudnessPlan(reading, target: target, truePeak: truePeak)
        try plan?.settle(at: target, limit: limit, open: open)
        return plan
    }

    /// Corrects the plan by the measurement of the encoded audio: an encoder changes peaks, and at low bit rates it
    /// reduces the loudness.
    /// - Returns: Nil if the encoded audio is within tolerance.
    func corrected(
        by encoded: LoudnessReading, target: Double, truePeak: Double, limit: Int, open: Opening
    ) throws(MediaError) -> LoudnessPlan? {
        let excess = (encoded.truePeak ?? -.infinity) - truePeak
        let reached = encoded.integrated ?? expected
        // If the target is out of reach, compare with the plan's own expectation.
        let wanted = abs(expected - target) <= LoudnessPlan.convergence ? target : expected
        guard excess > 0 || abs(wanted - reached) > LoudnessPlan.tolerance else { return nil }
        var plan = self
        // The excess varies slightly between encodes, so add a margin.
        if excess > 0 { plan.ceiling = peak - excess * 1.1 - 0.1 }
        plan.loss = loudness - reached
        plan.gain = min(gain + wanted - reached, plan.mostGain(target))
        try plan.settle(at: target, limit: limit, open: open)
        return plan
    }

    /// Whether audio with this reading already meets the target.
    static func isMet(by reading: LoudnessReading, target: Double, truePeak: Double) -> Bool {
        guard let loudness = reading.integrated else { return true }
        return abs(loudness - target) <= tolerance && reading.truePeak ?? -.infinity <= truePeak
    }

    /// Expected loudness of the encoded audio, in LUFS.
    private var expected: Double { loudness - loss }

    private func mostGain(_ target: Double) -> Double {
        let wanted = target + loss - (source.integrated ?? target)
        return min(wanted + LoudnessPlan.maximumDrive, LoudnessPlan.maximumGain)
    }

    /// Measures the loudness lost in the limiter and raises the gain to compensate.
    private mutating func settle(at target: Double, limit: Int, open: Opening) throws(MediaError) {
        loudness = (source.integrated ?? target) + gain
        var attempts = 0
        while isLimited {
            let limited = try LoudnessMeter.measure(try open(filters + [LoudnessMeter.filter]), limit: limit)
            guard let measured = limited.integrated else { return }
            loudness = measured
            attempts += 1
            let next = min(gain + target - expected, mostGain(target))
            let isThere = abs(target - expected) <= LoudnessPlan.convergence || abs(next - gain) < 0.05
            if isThere || attempts == LoudnessPlan.maximumAttempts { return }
            gain = next
        }
        loudness = (source.integrated ?? target) + gain
    }
}
