import Foundation
import Media
import PipelineKit

/// How the frames and the length of a delivery compare with those of its footage.
struct FrameComparison {
    /// One moment of the delivery.
    struct Moment {
        /// Similarity to the best match among the frame that the footage shows then and its neighbours.
        var similarity = 0.0
        /// How far its colours are from those of that frame.
        var colourDifference = 255.0
        /// The similarity that the delivery would have mirrored, upside down and both; empty when there is nothing to see.
        var turnedSimilarities: [Double] = []
        /// How far its colours would be with the wrong matrix.
        var misreadDifference = 0.0
    }

    /// The moments that were compared, from the first frame to the last.
    private(set) var moments: [Moment] = []
    /// How much longer the delivery is than the footage in the wanted range, in frames of the delivery.
    let excessFrames: Double

    /// The similarity of the worst moment.
    var similarity: Double { moments.map(\.similarity).min() ?? 0 }
    /// The difference of the worst moment.
    var colourDifference: Double { moments.map(\.colourDifference).max() ?? 255 }
    /// What `similarity` would be of a delivery that is the wrong way round, at best; nil when there is nothing to see.
    var turnedSimilarity: Double? {
        let seen = moments.map(\.turnedSimilarities).filter { !$0.isEmpty }
        return seen.first?.indices.map { way in seen.map { $0[way] }.min() ?? 1 }.max()
    }
    /// What `colourDifference` would be of a delivery with the wrong matrix.
    var misreadDifference: Double { moments.map(\.misreadDifference).max() ?? 0 }

    /// Moments that are compared.
    private static let momentCount = 5
    /// Below this a frame is as good as flat and looks the same either way round.
    fileprivate static let leastContrast: Float = 4

    /// Compares.
    /// - Parameters:
    ///   - limit: The most of the footage that is delivered, in seconds.
    ///   - early: Seconds by which `ffmpeg` shows this frame before its time.
    ///   - aperture: The part of the frame that is meant to be seen, which `ffmpeg` does not cut out.
    init(
        of delivery: Deliverer.Delivery, with media: ProbedMedia, limit: Double, early: Double = 0,
        aperture: String? = nil, scratch: String
    ) throws {
        let decision = delivery.decision
        guard let stream = media.videoTrack?.index, let rate = decision.format.frameRate.value else {
            throw OracleTool.Failure(description: "nothing to compare")
        }
        let path = media.source.file.path
        let facts = try OracleFacts(
            of: path, video: stream, audio: decision.audioStream, early: early, scratch: scratch)
        let colours = OracleColours(of: facts.video)
        let origin = facts.origin(lead: DeliveryDecision.longestLead)

        let last = max(0, Int((delivery.duration * rate).rounded()) - 1)
        let numbers = Set((0..<Self.momentCount).map { last * $0 / (Self.momentCount - 1) }).sorted()
        let delivered = try OracleFrames(
            of: delivery.path, stream: 0, choice: .numbers(numbers), end: 1e6, preparation: [], colours: .delivery,
            scratch: scratch)
        // What a delivered frame shows may begin half a frame after it.
        let times = numbers.map { origin + (Double($0) + 0.5) / rate }
        let shown = try OracleFrames(
            of: path, stream: stream, choice: .times(times.map(facts.surroundings)), end: origin + limit + 1,
            preparation: (aperture.map { ["crop=\($0)"] } ?? []) + (decision.deinterlacer.map { [$0] } ?? []),
            colours: colours, scratch: scratch)

        var end = facts.end(of: shown.times) ?? origin
        if let audio = facts.audio?.upperBound, audio > end, audio - end <= DeliveryDecision.longestHold { end = audio }
        excessFrames = Double(delivered.times.count) - min(limit, end - origin) * rate

        for (index, time) in times.enumerated() {
            guard index < delivered.chosen.count else {
                moments.append(Moment())
                continue
            }
            moments.append(Moment(delivered.chosen[index].image, among: shown.candidates(at: time)))
        }
    }
}

extension FrameComparison.Moment {
    /// Compares a delivered frame with those that it may show.
    fileprivate init(_ image: SmallImage, among candidates: [SmallImage]) {
        let scores = candidates.map { $0.similarity(to: image) }
        guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else { return }
        let match = candidates[best]
        similarity = scores[best]
        colourDifference = match.colourDifference(from: image)
        misreadDifference = match.colourDifference(from: image.withWrongMatrix)
        guard match.contrast >= FrameComparison.leastContrast else { return }
        turnedSimilarities = [(true, false), (false, true), (true, true)].map { mirrored, upsideDown in
            match.similarity(to: image.turned(mirrored: mirrored, upsideDown: upsideDown))
        }
    }
}
