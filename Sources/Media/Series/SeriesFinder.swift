import Foundation
package import PipelineKit

/// Splits footage into parts, decoding only the ranges in which a cut may fall.
package struct SeriesFinder: Sendable {
    /// Where footage may be cut.
    package enum CutPoints: String, Sendable, Hashable, CaseIterable {
        /// Where a new scene begins.
        case scenes
        /// In the middle of silences.
        case silences
        /// At either of them, preferably where both coincide.
        case either
        /// Where parts of equal length end, which needs no decoding.
        case anywhere
    }

    private let media: ProbedMedia
    private let track: VideoTrack
    private let cutPoints: CutPoints
    private let plan: SeriesPlan

    /// Number of parts that the footage is split into.
    package var count: Int { plan.count }
    /// Whether the footage must be decoded to find the cuts.
    package var needsAnalysis: Bool { plan.count > 1 && cutPoints != .anywhere && (detectsScenes || detectsSilences) }

    /// Seconds of audio to decode beyond a window, to find where a silence ends.
    private static let margin = 1.0

    /// Plans the parts of one piece of footage; decodes nothing.
    /// - Throws: `StageError` if it has no video.
    package init(_ media: ProbedMedia, rules: SeriesPlan.Rules, at cutPoints: CutPoints) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no video", hint: "give a video file")
        }
        self.media = media
        self.track = track
        self.cutPoints = cutPoints
        let timeline = FootageTimeline(track: track, audio: media.audioTrack, media: media)
        let rate = track.averageFrameRate.value ?? 0
        plan = SeriesPlan(
            start: timeline.start, end: timeline.end, rules: rules, frame: rate > 1 ? min(0.05, 1 / rate) : 0.05)
    }

    private var detectsScenes: Bool { cutPoints == .scenes || cutPoints == .either }
    private var detectsSilences: Bool { (cutPoints == .silences || cutPoints == .either) && media.audioTrack != nil }

    /// Estimates the parts without decoding: of nearly equal length, cut at keyframes where those are close.
    package func estimate() -> PartedMedia {
        parted(at: plan.cuts(at: keyFrames, snap: snapped), isEstimate: true)
    }

    /// Finds the best cuts and splits the footage.
    /// - Parameter progress: Called with the fraction of the work done.
    /// - Throws: `MediaError` if a library call fails or the work is cancelled.
    package func find(
        cancellation: CancellationFlag, progress: @escaping (Double) -> Void
    ) throws(MediaError) -> PartedMedia {
        guard plan.count > 1 else { return PartedMedia(media: media, parts: []) }
        guard needsAnalysis else { return parted(at: plan.cuts(at: keyFrames, snap: snapped), isEstimate: false) }
        let log = MediaLog()
        return try log.attached { () throws(MediaError) in
            let source = FootageSource(media: media, log: log, cancellation: cancellation)
            let natural = try naturalCuts(in: source, progress: progress)
            progress(1)
            return parted(at: plan.cuts(at: natural + keyFrames, snap: snapped), isEstimate: false)
        }
    }

    // MARK: Analysis

    /// Decodes the ranges in which a cut may fall, and finds the scenes and silences in them.
    private func naturalCuts(
        in source: FootageSource, progress: @escaping (Double) -> Void
    ) throws(MediaError) -> [CutCandidate] {
        let windows = Self.union(plan.windows)
        let total = max(0.001, windows.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) })
        // Video takes most of the time.
        let videoShare = detectsScenes ? (detectsSilences ? 0.9 : 1) : 0
        var done = 0.0
        var scenes: [CutCandidate] = []
        var levels: [SilenceDetector.Levels] = []
        for window in windows {
            let length = window.upperBound - window.lowerBound
            if detectsScenes {
                let readings = try SceneDetector.read(source, track: track, window: window) {
                    progress((done + ($0 - window.lowerBound) * videoShare) / total)
                }
                scenes += SceneDetector.scenes(in: readings)
            }
            if detectsSilences, let stream = media.chosenAudio {
                let measured = try SilenceDetector.read(source, stream: stream, window: widened(window)) {
                    let reached = min(max($0, window.lowerBound), window.upperBound) - window.lowerBound
                    progress((done + length * videoShare + reached * (1 - videoShare)) / total)
                }
                levels.append(measured)
            }
            done += length
        }
        return CutCandidate.merged(scenes: scenes, silences: SilenceDetector.silences(in: levels)).map {
            var candidate = $0
            if case .silence = candidate.kind { candidate.time = snapped(candidate.time) }
            return candidate
        }
    }

    /// A window with the audio around it.
    private func widened(_ window: ClosedRange<Double>) -> ClosedRange<Double> {
        max(plan.start, window.lowerBound - Self.margin)...min(plan.end, window.upperBound + Self.margin)
    }

    // MARK: Frames

    /// Cuts at keyframes need no encoding.
    private var keyFrames: [CutCandidate] {
        (track.keyFrameTimes ?? []).map { CutCandidate(time: $0, strength: 0, kind: .keyFrame) }
    }

    /// The PTS of the nearest frame if frames are evenly spaced, otherwise the time itself.
    private func snapped(_ time: Double) -> Double {
        guard track.constantFrameRate == true, let rate = track.averageFrameRate.value, rate > 0,
            let origin = track.startTime
        else { return time }
        return origin + ((time - origin) * rate).rounded() / rate
    }

    /// Merges windows that touch or nearly touch, so that each range is decoded once.
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

    // MARK: Result

    private func parted(at cuts: [CutCandidate], isEstimate: Bool) -> PartedMedia {
        guard !cuts.isEmpty else { return PartedMedia(media: media, parts: []) }
        let bounds = [plan.start] + cuts.map(\.time) + [plan.end]
        let parts = (1..<bounds.count).map {
            FootagePart(number: $0, count: bounds.count - 1, start: bounds[$0 - 1], end: bounds[$0])
        }
        let reasons =
            isEstimate && needsAnalysis
            ? ["an estimate: run looks for \(cutNames) and moves the cuts there"]
            : zip(cuts, plan.windows).enumerated().map { number, cut in
                "part \(number + 1) ends at \((cut.0.time - plan.start).secondsText), \(reason(for: cut.0, in: cut.1))"
            }
        return PartedMedia(media: media, parts: parts, reasons: reasons)
    }

    /// What is looked for, in the plural.
    private var cutNames: String {
        switch cutPoints {
        case .scenes: "new scenes"
        case .silences: "silences"
        case .either: "new scenes and silences"
        case .anywhere: "keyframes"
        }
    }

    private func reason(for cut: CutCandidate, in window: ClosedRange<Double>) -> String {
        switch cut.kind {
        case .scene: return "where a new scene begins"
        case .silence(let length): return "in a silence of \(length.secondsText)"
        case .quietScene: return "where a new scene begins in a silence"
        case .keyFrame where cutPoints == .anywhere: return "at the keyframe that makes the parts most equal"
        case .nothing where cutPoints == .anywhere: return "which makes the parts equally long"
        case .keyFrame, .nothing:
            let (from, to) = (window.lowerBound - plan.start, window.upperBound - plan.start)
            guard to - from > 0.1 else { return "because \(plan.count) parts leave no other choice" }
            let missing = cutPoints == .silences && media.audioTrack == nil ? "no audio" : "no \(cutName)"
            return
                "without a natural break: there is \(missing) between \(from.secondsText) and \(to.secondsText)"
        }
    }

    private var cutName: String {
        switch cutPoints {
        case .scenes, .anywhere: "new scene"
        case .silences: "silence"
        case .either: "new scene or silence"
        }
    }
}
