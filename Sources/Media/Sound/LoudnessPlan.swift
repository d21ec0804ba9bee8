import Foundation
import PipelineKit

/// What a sound measures (ITU-R BS.1770-4, EBU R 128).
package struct LoudnessReading: Sendable, Hashable, CustomStringConvertible {
    /// Integrated loudness in LUFS; nil for silence and what is too short or too quiet to have one.
    package var integrated: Double?
    /// Highest true peak in dBTP; nil when every sample is zero.
    package var truePeak: Double?

    /// Nothing measured.
    package init() {}

    /// `-20.1 LUFS with peaks of -3.2 dBTP`.
    package var description: String {
        let loudness = integrated.map { String(format: "%.1f LUFS", $0) } ?? "no loudness"
        return loudness + (truePeak.map { String(format: " with peaks of %.1f dBTP", $0) } ?? "")
    }
}

extension LoudnessReading {
    /// Takes over what the meter has put on a block, which covers all blocks so far.
    mutating func update(by block: Frame) {
        if let value = block.metadata("lavfi.r128.I").flatMap(Double.init) {
            integrated = value > LoudnessMeter.gate && value.isFinite ? value : nil
        }
        if let peak = block.metadata("lavfi.r128.true_peak").flatMap(Double.init), peak > 0, peak.isFinite {
            truePeak = 20 * log10(peak)
        }
    }
}

/// Measures sound with libavfilter's `ebur128`.
package enum LoudnessMeter {
    /// The filter that measures; readings are on the frames that come out.
    static let filter = "ebur128=peak=true:metadata=1"

    /// Loudness below which there is nothing worth raising: the absolute gate of the measurement.
    fileprivate static let gate = -70.0

    /// Reads `source`, whose filters end with ``filter``, to its end.
    /// - Parameter limit: Samples that count.
    static func measure(_ source: SoundSource, limit: Int) throws(MediaError) -> LoudnessReading {
        var reading = LoudnessReading()
        while source.produced < limit, let block = try source.next() { reading.update(by: block) }
        return reading
    }
}

/// How sound is brought to a loudness: one gain where that suffices, else a gain into a true-peak limiter.
package struct LoudnessPlan: Sendable, Hashable {
    /// Gain in dB.
    package private(set) var gain: Double
    /// Where the peaks end, in dBTP.
    package private(set) var ceiling: Double
    /// What the sound measures as it is.
    private let source: LoudnessReading
    /// What it measures with the gain and the limiter, in LUFS.
    private var loudness: Double
    /// What the encoder takes of that, in LU.
    private var loss = 0.0

    /// Room for the encoder: AAC mostly gives peaks that are a little higher than those that it was given.
    private static let headroom = 0.5
    /// Largest gain in dB: beyond it, only noise would be raised.
    static let maximumGain = 30.0
    /// How far a limiter may be driven beyond what the first reading asks for, in dB.
    private static let maximumDrive = 6.0
    /// Distance from the target that is not heard.
    package static let tolerance = 0.5
    /// Distance from the target at which no better gain is looked for, and how often one is looked for.
    private static let convergence = 0.2
    private static let maximumAttempts = 4

    /// Plans by a reading.
    /// - Returns: Nil when the sound is left alone: it is silent.
    package init?(_ reading: LoudnessReading, target: Double, truePeak: Double) {
        guard let loudness = reading.integrated else { return nil }
        source = reading
        gain = min(target - loudness, LoudnessPlan.maximumGain)
        ceiling = truePeak - LoudnessPlan.headroom
        self.loudness = loudness + gain
    }

    /// Whether the gain alone would bring peaks above the ceiling.
    var isLimited: Bool { (source.truePeak ?? -.infinity) + gain > ceiling }

    /// The peaks that the encoder is given, in dBTP.
    private var peak: Double { min((source.truePeak ?? -.infinity) + gain, ceiling) }

    /// The filters. The limiter works at four times the rate, where peaks between samples are samples.
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
    /// Opens a sound with filters at its end.
    typealias Opening = (_ filters: [String]) throws(MediaError) -> SoundSource

    /// Measures a sound and plans.
    /// - Parameter limit: Samples that count.
    static func find(
        target: Double, truePeak: Double, limit: Int, open: Opening
    ) throws(MediaError) -> LoudnessPlan? {
        let reading = try LoudnessMeter.measure(try open([LoudnessMeter.filter]), limit: limit)
        var plan = LoudnessPlan(reading, target: target, truePeak: truePeak)
        try plan?.settle(at: target, limit: limit, open: open)
        return plan
    }

    /// Corrects the plan by what the sound measures once it is encoded: an encoder moves peaks, and at few bits it takes
    /// away what is heard.
    /// - Returns: Nil when the encoded sound is as it should be.
    func corrected(
        by encoded: LoudnessReading, target: Double, truePeak: Double, limit: Int, open: Opening
    ) throws(MediaError) -> LoudnessPlan? {
        let excess = (encoded.truePeak ?? -.infinity) - truePeak
        let reached = encoded.integrated ?? expected
        // Where the target is out of reach, the plan is what counts.
        let wanted = abs(expected - target) <= LoudnessPlan.convergence ? target : expected
        guard excess > 0 || abs(wanted - reached) > LoudnessPlan.tolerance else { return nil }
        var plan = self
        // The excess differs a little from one encoding to the next.
        if excess > 0 { plan.ceiling = peak - excess * 1.1 - 0.1 }
        plan.loss = loudness - reached
        plan.gain = min(gain + wanted - reached, plan.mostGain(target))
        try plan.settle(at: target, limit: limit, open: open)
        return plan
    }

    /// Whether a sound may stay as it is.
    static func isMet(by reading: LoudnessReading, target: Double, truePeak: Double) -> Bool {
        guard let loudness = reading.integrated else { return true }
        return abs(loudness - target) <= tolerance && reading.truePeak ?? -.infinity <= truePeak
    }

    /// What the plan comes to once the sound is encoded, in LUFS.
    private var expected: Double { loudness - loss }

    private func mostGain(_ target: Double) -> Double {
        let wanted = target + loss - (source.integrated ?? target)
        return min(wanted + LoudnessPlan.maximumDrive, LoudnessPlan.maximumGain)
    }

    /// A limiter takes some loudness away, which is measured and given back.
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
