import Foundation
import PipelineKit

/// Makes the decision about a delivery in order: which part of the footage, whether its packets can be copied, the
/// format of the frames, the audio, and the reasons for all of it.
struct DeliveryPlanner {
    private let media: ProbedMedia
    private let options: DeliveryOptions
    private let track: VideoTrack
    private let audioTrack: AudioTrack?
    private let timeline: FootageTimeline
    private let range: DeliveryRange
    private let blockers: CopyBlockers
    /// How to cut the footage without encoding all of it; nil if it is not cut or this is not possible.
    private let cut: CutPlan?

    /// - Throws: `StageError` if the footage has no video, or lacks the wanted audio track or the wanted part.
    init(media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no video", hint: "give a video file")
        }
        self.media = media
        self.options = options
        self.track = track
        audioTrack = try TrackChoice.audio(of: media, wanted: options.audioTrack)
        timeline = FootageTimeline(track: track, audio: audioTrack, media: media)
        range = try DeliveryRange(of: timeline, media: media, options: options)
        if range.missingShare > options.maxDamage {
            throw StageError(
                .unusableFootage,
                String(
                    format: "%@ is truncated: %.0f %% of the requested part is missing, more than the allowed %.0f %%",
                    media.source.displayPath, range.missingShare * 100, options.maxDamage * 100),
                hint: "copy it again from its source, or raise maxDamage")
        }
        blockers = CopyBlockers(track: track, audioTrack: audioTrack, media: media, options: options, range: range)
        cut = blockers.cutPlan(for: track, range: range)
    }

    /// - Throws: `StageError` if the footage must be copied but can't be, or the wanted size is not allowed.
    func decision() throws(StageError) -> DeliveryDecision {
        let video = try videoHandling()
        let canvas = video == .encode ? try canvas() : nil
        let format = format(of: video, canvas: canvas)
        var decision = DeliveryDecision(video: video, format: format, excerpt: excerpt(of: video, format: format))
        decision.videoReasons = videoReasons(for: video)
        decision.audio = audioHandling
        decision.audioReasons = audioReasons(with: video)
        decision.audioStream = audioTrack?.index
        decision.warnings = media.warnings + timeline.warnings + (canvas.map(canvasWarnings) ?? [])
        decision.deinterlacer = deinterlacer
        if options.keepsMetadata { decision.tags = SafeTags.safe(media.tags) }
        decision.estimatedBytes = estimatedBytes(of: decision)
        return decision
    }

    // MARK: Video

    /// Why the whole video can't be copied, one clause each.
    private var videoBlockers: [String] {
        blockers.video + (range.isCut ? range.change.map { [$0] } ?? [] : [])
    }

    private var canCopyVideo: Bool { videoBlockers.isEmpty || cut != nil }

    private func videoHandling() throws(StageError) -> DeliveryDecision.VideoHandling {
        if options.passthrough == .require, !canCopyVideo {
            throw StageError(
                .unusableFootage,
                "\(media.source.displayPath) can't be copied as it is: \(videoBlockers.joined(separator: "; "))",
                hint: "set passthrough to auto to encode it", cause: videoBlockers.first)
        }
        if !canCopyVideo || options.passthrough == .never { return .encode }
        return cut.map { .smartcut($0) } ?? .copy
    }

    private func canvas() throws(StageError) -> CanvasPolicy {
        try CanvasPolicy(
            displayWidth: track.displayWidth, displayHeight: track.displayHeight, options: options,
            frameRate: blockers.frameRate.rate.value ?? 30)
    }

    private func canvasWarnings(_ canvas: CanvasPolicy) -> [String] {
        var warnings: [String] = []
        if canvas.enlargement > 2 {
            warnings.append(
                String(
                    format: "the video is enlarged %.1f times, from %d×%d", canvas.enlargement, track.displayWidth,
                    track.displayHeight))
        }
        if canvas.limitedByLevel {
            warnings.append("the video is scaled down: H.264 level 4.2 allows no larger size at this frame rate")
        }
        return warnings
    }

    private func format(
        of video: DeliveryDecision.VideoHandling, canvas: CanvasPolicy?
    ) -> DeliveryDecision.Format {
        let choice = blockers.frameRate
        if let canvas {
            return DeliveryDecision.Format(width: canvas.width, height: canvas.height, frameRate: choice.rate)
        }
        return DeliveryDecision.Format(
            width: track.displayWidth, height: track.displayHeight,
            frameRate: cut?.frameRate ?? (choice.reason == nil ? choice.rate : track.averageFrameRate))
    }

    private func excerpt(
        of video: DeliveryDecision.VideoHandling, format: DeliveryDecision.Format
    ) -> DeliveryDecision.Excerpt {
        let rate = format.framesPerSecond
        let limit =
            range.allowed.isFinite ? max(1, Int(saturating: (range.allowed * rate + 1e-6).rounded(.down))) : .max
        var excerpt = DeliveryDecision.Excerpt(
            start: range.start, duration: range.length, speed: range.speed, frameLimit: limit,
            missingShare: range.missingShare)
        switch video {
        case .copy: break
        case .smartcut(let plan):
            excerpt.start = plan.start
            excerpt.frameLimit = plan.count
            excerpt.duration = Double(plan.count) / rate
        case .encode:
            // A whole number of frames.
            excerpt.duration = min(max(1, (range.length * rate).rounded()) / rate, Double(limit) / rate)
        }
        return excerpt
    }

    private var deinterlacer: String? {
        let hasFields = ["tt", "bb", "tb", "bt"].contains(track.fieldOrder)
        // The second letter names the field that is displayed first.
        let parity = hasFields ? (track.fieldOrder.hasSuffix("t") ? "tff" : "bff") : "auto"
        switch options.deinterlacing {
        case .never: return nil
        case .always: return "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto where hasFields:
            // If measuring contradicts the stream's claim, its flags can't be used: deinterlace every frame.
            return track.claimedFieldOrder == nil
                ? "bwdif=mode=send_frame:deint=interlaced" : "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto: return nil
        }
    }

    private func videoReasons(for video: DeliveryDecision.VideoHandling) -> [String] {
        switch video {
        case .copy: return ["the video already meets the delivery spec: its packets are copied"]
        case .smartcut(let plan):
            let joints =
                plan.encoded == 0 ? "the cuts are at keyframes" : "\(plan.encoded) frames around the cuts are encoded"
            return (range.change.map { [$0] } ?? [])
                + ["the video already meets the delivery spec: its packets are copied, and \(joints)"]
        case .encode:
            var reasons = canCopyVideo ? ["passthrough is set to never"] : videoBlockers
            if track.dynamicRange != .sdr { reasons.append("HDR is tone-mapped to SDR") }
            if blockers.frameRate.allowsCopy, let reason = blockers.frameRate.reason { reasons.append(reason) }
            return reasons
        }
    }

    // MARK: Audio

    private var audioHandling: DeliveryDecision.AudioHandling {
        if audioTrack == nil { return .silence }
        return options.passthrough != .never && blockers.audio.isEmpty ? .copy : .encode
    }

    private func audioReasons(with video: DeliveryDecision.VideoHandling) -> [String] {
        let target = options.loudness.map(DeliveryDecision.loudness)
        switch audioHandling {
        case .silence:
            return [
                media.audioTrack == nil
                    ? "the footage has no audio: a silent track is added"
                    : "audioTrack is set to none: a silent track is added"
            ]
        case .copy:
            if let target { return ["the audio meets the delivery spec: it is copied if it measures \(target)"] }
            return video == .copy ? [] : ["the audio already meets the delivery spec: its packets are copied"]
        case .encode:
            return (video == .encode ? [] : blockers.audio.map { "the audio is encoded: \($0)" })
                + (target.map { ["the audio is normalised to \($0)"] } ?? [])
        }
    }

    // MARK: Size

    /// Estimates the size from the usual bits per pixel at CRF 19; every six steps of CRF halve them.
    private func estimatedBytes(of decision: DeliveryDecision) -> Int64 {
        let duration = decision.excerpt.duration
        if decision.video != .encode {
            let whole = max(media.duration, duration, 0.001)
            return Int64(Int(saturating: Double(media.source.file.bytes) * duration / whole))
        }
        let audio = Double(options.audioBitrate) * duration / 8
        let pixels = Double(decision.format.width * decision.format.height) * decision.format.framesPerSecond
        let rate = min(Double(options.maxrate), pixels * 0.09 * pow(2, (19 - options.crf) / 6))
        return min(options.maxBytes, Int64(Int(saturating: rate * duration / 8 + audio)))
    }
}
