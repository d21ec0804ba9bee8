import Foundation
package import PipelineKit

/// Parts footage, looking only at what lies where a cut may fall.
package struct SeriesFinder: Sendable {
    /// Where footage is cut.
    package enum Places: Sendable, Hashable {
        /// At new scenes.
        case scenes
        /// In silences.
        case silences
        /// At either, best where both meet.
        case either
        /// Wherever parts of equal length end.
        case anywhere
    }

    private let media: ProbedMedia
    private let track: VideoTrack
    private let places: Places
    private let plan: SeriesPlan

    /// The number of parts.
    package var count: Int { plan.count }
    /// Whether footage has to be decoded to know the cuts.
    package var needsAnalysis: Bool { plan.count > 1 && places != .anywhere && (looks || listens) }

    /// Beyond a window it is listened this far, to know where a silence ends, in seconds.
    private static let margin = 1.0

    /// Prepares for one piece of footage.
    /// - Throws: `StageError` when it has no picture.
    package init(_ media: ProbedMedia, rules: SeriesPlan.Rules, at places: Places) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no picture", hint: "give a video file")
        }
        self.media = media
        self.track = track
        self.places = places
        let timeline = Timeline(track: track, audio: media.audioTrack, media: media)
        let rate = track.averageFrameRate.value ?? 0
        plan = SeriesPlan(
            start: timeline.start, end: timeline.end, rules: rules, frame: rate > 1 ? min(0.05, 1 / rate) : 0.05)
    }

    private var looks: Bool { places == .scenes || places == .either }
    private var listens: Bool { (places == .silences || places == .either) && media.audioTrack != nil }

    /// Parts of equal length, as near as key frames are: what it comes to without decoding.
    package func estimate() -> PartedMedia {
        parted(at: plan.cuts(at: keyFrames, snap: snapped), isEstimate: true)
    }

    /// Looks and listens, and parts the footage.
    /// - Parameter progress: Share of the work done.
    /// - Throws: `MediaError` when a library call fails or the work is cancelled.
    package func find(
        cancellation: CancellationFlag, progress: @escaping (Double) -> Void
    ) throws(MediaError) -> PartedMedia {
        guard plan.count > 1 else { return PartedMedia(media: media, parts: []) }
        guard needsAnalysis else { return parted(at: plan.cuts(at: keyFrames, snap: snapped), isEstimate: false) }
        let log = MediaLog()
        return try log.attached { () throws(MediaError) in
            let source = FootageSource(media: media, log: log, cancellation: cancellation)
            let windows = Self.union(plan.windows)
            let lengths = windows.map { $0.upperBound - $0.lowerBound }
            let total = max(0.001, lengths.reduce(0, +))
            var done = 0.0
            var scenes: [CutCandidate] = []
            var stretches: [SilenceMeter.Stretch] = []
            for (window, length) in zip(windows, lengths) {
                // Pictures take most of the time.
                let share = looks ? (listens ? 0.9 : 1) : 0
                if looks {
                    let readings = try SceneMeter.read(source, track: track, window: window) {
                        progress((done + ($0 - window.lowerBound) * share) / total)
                    }
                    scenes += SceneMeter.scenes(in: readings)
                }
                if listens, let stream = media.chosenAudio {
                    let wider =
                        max(
                            plan.start, window.lowerBound - Self.margin)...min(
                            plan.end, window.upperBound + Self.margin)
                    stretches.append(
                        try SilenceMeter.read(source, stream: stream, window: wider) {
                            let reached = min(max($0, window.lowerBound), window.upperBound) - window.lowerBound
                            progress((done + length * share + reached * (1 - share)) / total)
                        })
                }
                done += length
            }
            let natural = CutCandidate.merged(scenes: scenes, silences: SilenceMeter.silences(in: stretches)).map {
                var candidate = $0
                if case .silence = candidate.kind { candidate.time = snapped(candidate.time) }
                return candidate
            }
            progress(1)
            return parted(at: plan.cuts(at: natural + keyFrames, snap: snapped), isEstimate: false)
        }
    }

    // MARK: Frames

    /// Cuts at key frames need no encoding.
    private var keyFrames: [CutCandidate] {
        (track.keyFrameTimes ?? []).map { CutCandidate(time: $0, strength: 0, kind: .keyFrame) }
    }

    /// The frame nearest to a time, where frames are evenly spaced.
    private func snapped(_ time: Double) -> Double {
        guard track.constantFrameRate == true, let rate = track.averageFrameRate.value, rate > 0,
            let origin = track.startTime
        else { return time }
        return origin + ((time - origin) * rate).rounded() / rate
    }

    /// Windows that touch, or nearly, are looked at in one go.
    private static func union(_ windows: [ClosedRange<Double>]) -> [ClosedRange<Double>] {
        var union: [ClosedRange<Double>] = []
        for window in windows {
            if let last = union.last, window.lowerBound <= last.upperBound + margin {
                union[union.count - 1] = last.lowerBound...max(last.upperBound, window.upperBound)
            } else {
                union.append(window)
            }
        }
        return union
    }

    // MARK: The result

    private func parted(at cuts: [CutCandidate], isEstimate: Bool) -> PartedMedia {
        guard !cuts.isEmpty else { return PartedMedia(media: media, parts: []) }
        let bounds = [plan.start] + cuts.map(\.time) + [plan.end]
        let parts = (1..<bounds.count).map {
            FootagePart(number: $0, count: bounds.count - 1, start: bounds[$0 - 1], end: bounds[$0])
        }
        let reasons =
            isEstimate && needsAnalysis
            ? ["an estimate: run looks for \(wanted), and moves the cuts there"]
            : zip(cuts, plan.windows).enumerated().map { number, cut in
                "part \(number + 1) ends at \(DeliveryDecision.text(cut.0.time - plan.start)), \(reason(cut.0, cut.1))"
            }
        return PartedMedia(media: media, parts: parts, reasons: reasons)
    }

    private var wanted: String {
        switch places {
        case .scenes: "new scenes"
        case .silences: "silences"
        case .either: "new scenes and silences"
        case .anywhere: "key frames"
        }
    }

    private func reason(_ cut: CutCandidate, _ window: ClosedRange<Double>) -> String {
        switch cut.kind {
        case .scene: return "where a new scene begins"
        case .silence(let length): return "in a silence of \(DeliveryDecision.text(length))"
        case .quietScene: return "where a new scene begins in a silence"
        case .keyFrame where places == .anywhere: return "at the key frame that makes the parts most alike"
        case .nothing where places == .anywhere: return "which makes the parts alike"
        case .keyFrame, .nothing:
            let (from, to) = (window.lowerBound - plan.start, window.upperBound - plan.start)
            guard to - from > 0.1 else { return "since \(plan.count) parts leave no choice" }
            let missing = places == .silences && media.audioTrack == nil ? "no sound" : "no \(singular)"
            return
                "in the midst: there is \(missing) between \(DeliveryDecision.text(from)) and \(DeliveryDecision.text(to))"
        }
    }

    private var singular: String {
        switch places {
        case .scenes, .anywhere: "new scene"
        case .silences: "silence"
        case .either: "new scene or silence"
        }
    }
}
