import Foundation
package import PipelineKit

/// All decisions about a delivery, made before work starts, so that `run` does what `plan` shows.
package struct DeliveryDecision: Sendable, Hashable {
    /// How the delivery's video is produced.
    package enum VideoHandling: Sendable, Hashable {
        /// All packets are copied.
        case copy
        /// Packets are copied, except for frames around the cuts, which are encoded.
        case smartcut(CutPlan)
        /// All frames are decoded and encoded.
        case encode
    }
    /// How the delivery's audio is produced.
    package enum AudioHandling: Sendable, Hashable {
        case copy
        case encode
        /// No audio track is used: a silent one is added.
        case silence
    }

    package var video: VideoHandling
    package var audio: AudioHandling
    /// Why the video is handled this way, one clause each.
    package var videoReasons: [String]
    /// Why the audio is handled this way, one clause each.
    package var audioReasons: [String] = []
    /// Problems that the user should know of.
    package var warnings: [String]
    /// Frame size of the delivery in pixels.
    package var width: Int
    package var height: Int
    /// Constant frame rate of the delivery.
    package var frameRate: Rational
    /// The lowest allowed H.264 level for this size and rate.
    package var level: H264Level
    /// Where the delivery starts, in seconds of the footage's timeline.
    package var start: Double
    /// Playback speed relative to the footage; 1 is unchanged.
    package var speed = 1.0
    /// The most frames that the delivery may have.
    package var frameLimit: Int
    /// Expected duration in seconds.
    package var duration: Double
    /// The deinterlacing filter; nil if none is needed.
    package var deinterlacer: String?
    /// Index of the audio stream; nil if none is used.
    package var audioStream: Int?
    /// Metadata tags that the delivery keeps.
    package var tags: [String: String] = [:]
    /// Expected size in bytes.
    package var estimatedBytes: Int64
    /// Percentage of the requested part that the file claims but does not contain, 0 … 1.
    package var missingShare: Double

    /// The strategy that the delivery's description names.
    package var strategy: DeliveryStrategy {
        switch video {
        case .copy: .copy
        case .smartcut: .smartcut
        case .encode: .encode
        }
    }
    /// The plan of a smart cut; nil for other deliveries.
    package var cut: CutPlan? { if case .smartcut(let plan) = video { plan } else { nil } }
    /// All reasons, one clause each, those for the video first.
    package var reasons: [String] { videoReasons + audioReasons }

    /// How long the last frame may be held while the audio continues, in seconds.
    package static let longestHold = 3.0
    /// How long the first frame may be shown early because the audio starts before it, in seconds.
    package static let longestLead = 1.0
    /// The highest playback speed that `overlong: speed` may choose.
    package static let highestSpeed = 2.0

    /// Decides how to deliver `media`.
    /// - Throws: `StageError` if the footage can't be delivered with these options.
    package init(for media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no video", hint: "give a video file")
        }
        let audioTrack = try TrackChoice.audio(of: media, wanted: options.audioTrack)
        let timeline = Timeline(track: track, audio: audioTrack, media: media)
        let span = try DeliveryRange(timeline, track: track, media: media, options: options)
        warnings = media.warnings + timeline.warnings
        speed = span.speed
        missingShare = span.missingShare
        if missingShare > options.maxDamage {
            throw StageError(
                .unusableFootage,
                String(
                    format: "%@ is truncated: %.0f %% of the requested part is missing, more than the allowed %.0f %%",
                    media.source.displayPath, missingShare * 100, options.maxDamage * 100),
                hint: "copy it again from its source, or raise maxDamage")
        }
        let obstacles = CopyBlockers(track, audio: audioTrack, media: media, options: options, span: span)
        let choice = obstacles.rate
        let cut = obstacles.plan(track, span: span)
        let kept = obstacles.video + (span.isCut ? span.cut.map { [$0] } ?? [] : [])
        let canCopy = kept.isEmpty || cut != nil
        if options.passthrough == .require, !canCopy {
            throw StageError(
                .unusableFootage,
                "\(media.source.displayPath) can't be copied as it is: \(kept.joined(separator: "; "))",
                hint: "set passthrough to auto to encode it", cause: kept.first)
        }
        video = !canCopy || options.passthrough == .never ? .encode : cut.map { .smartcut($0) } ?? .copy
        if video == .encode {
            frameRate = choice.rate
            let canvas = try CanvasPolicy(
                displayWidth: track.displayWidth, displayHeight: track.displayHeight, options: options,
                frameRate: choice.rate.value ?? 30)
            (width, height) = (canvas.width, canvas.height)
            if canvas.enlargement > 2 {
                warnings.append(
                    String(
                        format: "the video is enlarged %.1f times, from %d×%d", canvas.enlargement,
                        track.displayWidth, track.displayHeight))
            }
            if canvas.limitedByLevel {
                warnings.append("the video is scaled down: H.264 level 4.2 allows no larger size at this frame rate")
            }
        } else {
            (width, height) = (track.displayWidth, track.displayHeight)
            frameRate = cut?.frameRate ?? (choice.reason == nil ? choice.rate : track.averageFrameRate)
        }
        let framesPerSecond = frameRate.value ?? 30
        level = DeliverySpec.level(width: width, height: height, frameRate: framesPerSecond) ?? H264Level.allowed[1]
        start = span.start
        frameLimit =
            span.allowed.isFinite
            ? max(1, Int(saturating: (span.allowed * framesPerSecond + 1e-6).rounded(.down))) : Int.max
        duration = span.length
        if video == .encode {
            duration = max(1, (span.length * framesPerSecond).rounded()) / framesPerSecond
            duration = min(duration, Double(frameLimit) / framesPerSecond)
        }
        if case .smartcut(let plan) = video {
            start = plan.start
            frameLimit = plan.count
            duration = Double(plan.count) / framesPerSecond
        }
        deinterlacer = Self.deinterlacer(track, options.deinterlacing)

        switch video {
        case .copy: videoReasons = ["the video already meets the delivery spec: its packets are copied"]
        case .smartcut(let plan):
            videoReasons =
                (span.cut.map { [$0] } ?? []) + [
                    "the video already meets the delivery spec: its packets are copied, and "
                        + (plan.encoded == 0
                            ? "the cuts are at keyframes" : "\(plan.encoded) frames around the cuts are encoded")
                ]
        case .encode: videoReasons = canCopy ? ["passthrough is set to never"] : kept
        }
        if video == .encode {
            videoReasons += Self.conversions(track)
            if choice.ownWouldDo, let reason = choice.reason { videoReasons.append(reason) }
        }
        audioStream = audioTrack?.index
        if audioTrack == nil {
            audio = .silence
            audioReasons = [
                media.audioTrack == nil
                    ? "the footage has no audio: a silent track is added"
                    : "audioTrack is set to none: a silent track is added"
            ]
        } else if options.passthrough != .never, obstacles.audio.isEmpty {
            audio = .copy
            if video != .copy || options.loudness != nil {
                audioReasons = ["the audio already meets the delivery spec: its packets are copied"]
            }
            if let target = options.loudness {
                audioReasons = [
                    "the audio meets the delivery spec: it is copied if it measures \(Self.loudness(target))"
                ]
            }
        } else {
            audio = .encode
            if video != .encode {
                audioReasons = obstacles.audio.map { "the audio is encoded: \($0)" }
            }
            if let target = options.loudness {
                audioReasons.append("the audio is normalised to \(Self.loudness(target))")
            }
        }
        if options.keepsMetadata { tags = SafeTags.safe(media.tags) }
        estimatedBytes = 0
        estimatedBytes = Self.estimate(self, media: media, options: options)
    }

    /// Switches the audio from copying to encoding.
    /// - Parameter reason: Why, as a clause, such as its measured loudness.
    mutating func encodeAudio(because reason: String) {
        audio = .encode
        audioReasons = ["the audio is encoded: \(reason)"]
    }

    private static func deinterlacer(_ track: VideoTrack, _ wanted: DeliveryOptions.Deinterlacing) -> String? {
        let hasFields = ["tt", "bb", "tb", "bt"].contains(track.fieldOrder)
        // The second letter names the field that is displayed first.
        let parity = hasFields ? (track.fieldOrder.hasSuffix("t") ? "tff" : "bff") : "auto"
        switch wanted {
        case .never: return nil
        case .always: return "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto where hasFields:
            // If measuring contradicts the stream's claim, its flags can't be used: deinterlace every frame.
            return track.claimedFieldOrder == nil
                ? "bwdif=mode=send_frame:deint=interlaced" : "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto: return nil
        }
    }

    /// How the audio is produced, in one word for the plan's details.
    package var audioWord: String {
        switch audio {
        case .copy: "copy"
        case .encode: "encode"
        case .silence: "silence"
        }
    }

    /// What the delivery does, in one line for the plan.
    package var summary: String {
        let length = Duration.spoken(seconds: duration)
        let rate = String(format: "%.4g", frameRate.value ?? 30)
        let video =
            switch video {
            case .copy: "copy the video"
            case .smartcut(let plan): "cut the video to \(length), \(plan.encoded) of \(plan.count) frames encoded"
            case .encode:
                "encode \(width)×\(height), \(rate) fps, \(length), about \(ByteCount(estimatedBytes))"
            }
        let audio =
            switch audio {
            case .copy: "copy the audio"
            case .encode: "encode the audio"
            case .silence: "add silence"
            }
        return video + "; " + audio
    }

    static func loudness(_ level: Double) -> String { String(format: "%.1f LUFS", level) }

    static func text(_ seconds: Double) -> String { String(format: "%.2f s", seconds) }

    /// Estimates the size from the usual bits per pixel at CRF 19; every six steps of CRF halve them.
    private static func estimate(_ decision: Self, media: ProbedMedia, options: DeliveryOptions) -> Int64 {
        let audio = Double(options.audioBitrate) * decision.duration / 8
        if decision.video != .encode {
            let whole = max(media.duration, decision.duration, 0.001)
            return Int64(Int(saturating: Double(media.source.file.bytes) * decision.duration / whole))
        }
        let pixels = Double(decision.width * decision.height) * (decision.frameRate.value ?? 30)
        let rate = min(Double(options.maxrate), pixels * 0.09 * pow(2, (19 - options.crf) / 6))
        return min(options.maxBytes, Int64(Int(saturating: rate * decision.duration / 8 + audio)))
    }
}

extension DeliveryDecision {
    /// Reasons for what encoding changes besides size and rate, for the plan.
    private static func conversions(_ track: VideoTrack) -> [String] {
        track.dynamicRange == .sdr ? [] : ["HDR is tone-mapped to SDR"]
    }
}
