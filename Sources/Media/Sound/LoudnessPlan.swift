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

/// Measures sound with libavfilter's `ebur128`.
package enum LoudnessMeter {
    /// The filter that measures; readings are on the frames that come out.
    static let filter = "ebur128=peak=true:metadata=1"

    /// Loudness below which there is nothing worth raising: the absolute gate of the measurement.
    private static let gate = -70.0

    /// Reads `source`, whose filters end with ``filter``, to its end.
    /// - Parameter limit: Samples that count.
    static func measure(_ source: SoundSource, limit: Int) throws(MediaError) -> LoudnessReading {
        var reading = LoudnessReading()
        while source.produced < limit, let block = try source.next() {
            if let value = block.metadata("lavfi.r128.I").flatMap(Double.init) {
                reading.integrated = value > gate ? value : nil
            }
            if let peak = block.metadata("lavfi.r128.true_peak").flatMap(Double.init), peak > 0 {
                reading.truePeak = 20 * log10(peak)
            }
        }
        return reading
    }
}

/// How sound is brought to a loudness: one gain where that suffices, else a gain into a true-peak limiter.
package struct LoudnessPlan: Sendable, Hashable {
    /// Gain in dB.
    package var gain: Double
    /// Where the limiter holds the peaks, in dBTP; nil when no limiter is needed.
    package var ceiling: Double?

    /// Room for the encoder: AAC gives peaks that are a little higher than those that it was given.
    private static let headroom = 0.5
    /// Largest gain in dB: beyond it, only noise would be raised.
    static let maximumGain = 30.0

    /// Plans by a reading.
    /// - Returns: Nil when the sound is left alone: it is silent.
    package init?(_ reading: LoudnessReading, target: Double, truePeak: Double) {
        guard let loudness = reading.integrated else { return nil }
        gain = min(target - loudness, LoudnessPlan.maximumGain)
        let ceiling = truePeak - LoudnessPlan.headroom
        if let peak = reading.truePeak, peak + gain > ceiling { self.ceiling = ceiling }
    }

    /// The filters. The limiter works at four times the rate, where peaks between samples are samples.
    var filters: [String] {
        var filters = [String(format: "volume=%.3fdB:precision=float", gain)]
        if let ceiling {
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
    /// How far a limiter may be driven beyond what the first reading asks for, in dB.
    private static let maximumDrive = 6.0
    /// Distance from the target that is not heard.
    package static let tolerance = 0.5

    /// Measures a sound and plans; a limiter takes some loudness away, which is measured and given back.
    /// - Parameter open: Opens the sound with the given filters at its end.
    static func find(
        target: Double, truePeak: Double, limit: Int, open: ([String]) throws(MediaError) -> SoundSource
    ) throws(MediaError) -> LoudnessPlan? {
        let reading = try LoudnessMeter.measure(try open([LoudnessMeter.filter]), limit: limit)
        guard var plan = LoudnessPlan(reading, target: target, truePeak: truePeak), plan.ceiling != nil else {
            return LoudnessPlan(reading, target: target, truePeak: truePeak)
        }
        let most = min(plan.gain + maximumDrive, maximumGain)
        for _ in 0..<3 {
            let limited = try LoudnessMeter.measure(
                try open(plan.filters + [LoudnessMeter.filter]), limit: limit)
            guard let loudness = limited.integrated, abs(target - loudness) > 0.2, plan.gain < most else { break }
            plan.gain = min(plan.gain + target - loudness, most)
        }
        return plan
    }

    /// Whether a sound may stay as it is.
    static func isMet(by reading: LoudnessReading, target: Double, truePeak: Double) -> Bool {
        guard let loudness = reading.integrated else { return true }
        return abs(loudness - target) <= tolerance && reading.truePeak ?? -.infinity <= truePeak
    }
}
