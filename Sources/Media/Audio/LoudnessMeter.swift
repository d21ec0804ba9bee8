import Foundation

/// Measured loudness of audio (ITU-R BS.1770-4, EBU R 128).
package struct LoudnessReading: Sendable, Hashable, CustomStringConvertible {
    /// Integrated loudness in LUFS; nil for silence and for audio that is too short or too quiet.
    package var integrated: Double?
    /// Highest true peak in dBTP; nil if every sample is zero.
    package var truePeak: Double?

    package init() {}

    /// For example `-20.1 LUFS with peaks of -3.2 dBTP`.
    package var description: String {
        let loudness = integrated.map { String(format: "%.1f LUFS", $0) } ?? "no loudness"
        return loudness + (truePeak.map { String(format: " with peaks of %.1f dBTP", $0) } ?? "")
    }
}

extension LoudnessReading {
    /// Updates from the metadata that the filter attached to a frame. It covers all frames so far.
    mutating func update(by block: Frame) {
        if let value = block.metadata("lavfi.r128.I").flatMap(Double.init) {
            integrated = value > LoudnessMeter.gate && value.isFinite ? value : nil
        }
        if let peak = block.metadata("lavfi.r128.true_peak").flatMap(Double.init), peak > 0, peak.isFinite {
            truePeak = 20 * log10(peak)
        }
    }
}

/// Measures loudness with libavfilter's `ebur128`.
package enum LoudnessMeter {
    /// The measuring filter, which attaches its readings to the output frames.
    static let filter = "ebur128=peak=true:metadata=1"

    /// Absolute gate of the measurement, in LUFS: there is nothing worth amplifying below it.
    fileprivate static let gate = -70.0

    /// Reads `source`, whose filters must end with ``filter``, to its end.
    /// - Parameter limit: Most samples to measure.
    static func measure(_ source: AudioSource, limit: Int) throws(MediaError) -> LoudnessReading {
        var reading = LoudnessReading()
        while source.produced < limit, let block = try source.next() { reading.update(by: block) }
        return reading
    }
}
