import PipelineKit

/// Opens the audio of a delivery at the requested loudness.
struct AudioOpener {
    let task: DeliveryTask

    private var decision: DeliveryDecision { task.decision }
    private var options: DeliveryOptions { task.options }

    /// Expected length of the delivery in samples per channel.
    var expectedSamples: Int {
        Int(saturating: (decision.excerpt.duration * Double(DeliverySpec.sampleRate)).rounded())
    }

    /// How to normalise the audio to the requested loudness; nil if it stays unchanged.
    func plan() throws(MediaError) -> LoudnessPlan? {
        guard decision.audio == .encode, let index = decision.audioStream, let target = options.loudness else {
            return nil
        }
        return try LoudnessPlan.find(target: target, truePeak: options.truePeak, limit: expectedSamples) {
            (filters) throws(MediaError) in try source(stream: index, filters: filters)
        }
    }

    /// A corrected plan; nil if the loudness of the encoded audio is good enough.
    func correct(_ plan: LoudnessPlan, by reading: LoudnessReading) throws(MediaError) -> LoudnessPlan? {
        guard let index = decision.audioStream, let target = options.loudness else { return nil }
        return try plan.corrected(by: reading, target: target, truePeak: options.truePeak, limit: expectedSamples) {
            (filters) throws(MediaError) in try source(stream: index, filters: filters)
        }
    }

    /// Opens the footage's audio; nil if the delivery is silent or its audio is not encoded.
    func open(_ plan: LoudnessPlan?) throws(MediaError) -> AudioSource? {
        guard decision.audio == .encode, let index = decision.audioStream else { return nil }
        return try source(stream: index, filters: plan?.filters ?? [])
    }

    /// Measures the loudness of the delivered part of the audio.
    func reading() throws(MediaError) -> LoudnessReading {
        guard let index = decision.audioStream else { return LoudnessReading() }
        return try LoudnessMeter.measure(
            try source(stream: index, filters: [LoudnessMeter.filter]), limit: expectedSamples)
    }

    private func source(stream: Int, filters: [String]) throws(MediaError) -> AudioSource {
        let excerpt = decision.excerpt
        // The duration in headers may be slightly too short.
        let limit = min(Double(excerpt.frameLimit) / decision.format.framesPerSecond, excerpt.duration + 5)
        return try AudioSource(
            source: task.source, stream: stream, start: excerpt.start, limit: limit, speed: excerpt.speed,
            filters: filters)
    }
}
