import Foundation
package import PipelineKit

/// Everything that is decided about a delivery before work starts: what `plan` shows is what `run` does.
package struct DeliveryDecision: Sendable, Hashable {
    /// What happens to the picture.
    package enum PictureHandling: Sendable, Hashable {
        /// Every packet as it is.
        case copy
        /// Packets as they are, but for the pictures around the cuts.
        case smartcut(CutPlan)
        /// Decoded and encoded.
        case encode
    }
    /// What happens to the sound.
    package enum SoundHandling: Sendable, Hashable {
        case copy
        case encode
        /// There is none: a silent track is made.
        case silence
    }

    /// What happens to the picture.
    package var picture: PictureHandling
    /// What happens to the sound.
    package var sound: SoundHandling
    /// Why the picture is handled so, one sentence each.
    package var pictureReasons: [String]
    /// Why the sound is handled so.
    package var soundReasons: [String] = []
    /// What a person should know.
    package var warnings: [String]
    /// Size of the delivery.
    package var width: Int
    package var height: Int
    /// Its constant rate.
    package var frameRate: Rational
    /// The H.264 level that holds it.
    package var level: H264Level
    /// Where the delivery starts, in the footage's own time, in seconds.
    package var start: Double
    /// How many times faster than the footage it is played.
    package var speed = 1.0
    /// Frames at most.
    package var frameLimit: Int
    /// Expected length in seconds.
    package var duration: Double
    /// The filter that takes fields apart; nil when there are none.
    package var deinterlacer: String?
    /// The sound's stream; nil when there is none.
    package var soundStream: Int?
    /// Tags that the delivery keeps.
    package var tags: [String: String] = [:]
    /// Expected size in bytes.
    package var estimatedBytes: Int64
    /// Share of the wanted part that the file claims and does not hold.
    package var missingShare: Double

    /// How the delivery will be described.
    package var strategy: DeliveryStrategy {
        switch picture {
        case .copy: .copy
        case .smartcut: .smartcut
        case .encode: .encode
        }
    }
    /// The plan of a cut; nil when there is none.
    package var cut: CutPlan? { if case .smartcut(let plan) = picture { plan } else { nil } }
    /// Why, one sentence each, the picture's reasons first.
    package var reasons: [String] { pictureReasons + soundReasons }

    /// Longest time for which the last picture stands while the sound goes on.
    package static let longestHold = 3.0
    /// Longest time for which the first picture stands in for missing ones while the sound already plays.
    package static let longestLead = 1.0
    /// The most that `overlong: speed` makes footage faster.
    package static let highestSpeed = 2.0

    /// Decides.
    /// - Throws: `StageError` when the options and the footage don't go together.
    package init(for media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no picture", hint: "give a video file")
        }
        let audio = try TrackChoice.audio(of: media, wanted: options.soundTrack)
        let timeline = Timeline(track: track, audio: audio, media: media)
        let span = try Span(timeline, track: track, media: media, options: options)
        warnings = media.warnings + timeline.warnings
        speed = span.speed
        missingShare = span.missingShare
        if missingShare > options.maxDamage {
            throw StageError(
                .unusableFootage,
                String(
                    format: "%@ was cut off: %.0f %% of the wanted part are missing, more than the allowed %.0f %%",
                    media.source.displayPath, missingShare * 100, options.maxDamage * 100),
                hint: "copy it again from its origin, or raise maxDamage")
        }
        let obstacles = Obstacles(track, audio: audio, media: media, options: options, span: span)
        let choice = obstacles.rate
        let cut = obstacles.plan(track, span: span)
        let kept = obstacles.picture + (span.isCut ? span.cut.map { [$0] } ?? [] : [])
        let canCopy = kept.isEmpty || cut != nil
        if options.passthrough == .require, !canCopy {
            throw StageError(
                .unusableFootage,
                "\(media.source.displayPath) can't be copied as it is: \(kept.joined(separator: "; "))",
                hint: "set passthrough to auto to have it encoded", cause: kept.first)
        }
        picture = !canCopy || options.passthrough == .never ? .encode : cut.map { .smartcut($0) } ?? .copy
        if picture == .encode {
            frameRate = choice.rate
            let canvas = try CanvasPolicy(
                displayWidth: track.displayWidth, displayHeight: track.displayHeight, options: options,
                frameRate: choice.rate.value ?? 30)
            (width, height) = (canvas.width, canvas.height)
            if canvas.enlargement > 2 {
                warnings.append(
                    String(
                        format: "the picture is enlarged %.1f times, from %d×%d", canvas.enlargement,
                        track.displayWidth, track.displayHeight))
            }
            if canvas.limitedByLevel {
                warnings.append("the picture is made smaller: H.264 level 4.2 holds no more at this rate")
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
        if picture == .encode {
            duration = max(1, (span.length * framesPerSecond).rounded()) / framesPerSecond
            duration = min(duration, Double(frameLimit) / framesPerSecond)
        }
        if case .smartcut(let plan) = picture {
            start = plan.start
            frameLimit = plan.count
            duration = Double(plan.count) / framesPerSecond
        }
        deinterlacer = Self.deinterlacer(track, options.deinterlacing)

        switch picture {
        case .copy: pictureReasons = ["the picture already meets the delivery spec: its packets are copied"]
        case .smartcut(let plan):
            pictureReasons =
                (span.cut.map { [$0] } ?? []) + [
                    "the picture already meets the delivery spec: its packets are copied, "
                        + (plan.encoded == 0
                            ? "the cuts being at key frames" : "\(plan.encoded) pictures around the cuts are encoded")
                ]
        case .encode: pictureReasons = canCopy ? ["passthrough is set to never"] : kept
        }
        if picture == .encode {
            pictureReasons += Self.conversions(track)
            if choice.ownWouldDo, let reason = choice.reason { pictureReasons.append(reason) }
        }
        soundStream = audio?.index
        if audio == nil {
            sound = .silence
            soundReasons = [
                media.audioTrack == nil
                    ? "there is no sound: a silent track is added" : "audioTrack is set to none: a silent track is made"
            ]
        } else if options.passthrough != .never, obstacles.sound.isEmpty {
            sound = .copy
            if picture != .copy || options.loudness != nil {
                soundReasons = ["the sound already meets the delivery spec: its packets are copied"]
            }
            if let target = options.loudness {
                soundReasons = [
                    "the sound meets the delivery spec: it is copied if it measures \(Self.loudness(target))"
                ]
            }
        } else {
            sound = .encode
            if picture != .encode {
                soundReasons = obstacles.sound.map { "the sound is encoded: \($0)" }
            }
            if let target = options.loudness { soundReasons.append("the sound is brought to \(Self.loudness(target))") }
        }
        if options.keepsMetadata { tags = SafeTags.safe(media.tags) }
        estimatedBytes = 0
        estimatedBytes = Self.estimate(self, media: media, options: options)
    }

    /// Lets the sound be encoded after all.
    /// - Parameter reason: What the sound measures.
    mutating func encodeSound(because reason: String) {
        sound = .encode
        soundReasons = ["the sound is encoded: \(reason)"]
    }

    private static func deinterlacer(_ track: VideoTrack, _ wanted: DeliveryOptions.Deinterlacing) -> String? {
        let hasFields = ["tt", "bb", "tb", "bt"].contains(track.fieldOrder)
        // The second letter is the field that is shown first.
        let parity = hasFields ? (track.fieldOrder.hasSuffix("t") ? "tff" : "bff") : "auto"
        switch wanted {
        case .never: return nil
        case .always: return "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto where hasFields:
            // Frames of a stream that does not claim to have fields carry no flag.
            return track.claimedFieldOrder == nil
                ? "bwdif=mode=send_frame:deint=interlaced" : "bwdif=mode=send_frame:parity=\(parity):deint=all"
        case .auto: return nil
        }
    }

    /// What happens to the sound, in a word.
    package var soundWord: String {
        switch sound {
        case .copy: "copy"
        case .encode: "encode"
        case .silence: "silence"
        }
    }

    /// What will be done, in one line.
    package var summary: String {
        let length = Duration.spoken(seconds: duration)
        let rate = String(format: "%.4g", frameRate.value ?? 30)
        let picture =
            switch picture {
            case .copy: "copy the picture"
            case .smartcut(let plan): "cut the picture to \(length), \(plan.encoded) of \(plan.count) frames encoded"
            case .encode:
                "encode \(width)×\(height), \(rate) fps, \(length), about \(ByteCount(estimatedBytes))"
            }
        let sound =
            switch sound {
            case .copy: "copy the sound"
            case .encode: "encode the sound"
            case .silence: "add silence"
            }
        return picture + "; " + sound
    }

    static func loudness(_ level: Double) -> String { String(format: "%.1f LUFS", level) }

    static func text(_ seconds: Double) -> String { String(format: "%.2f s", seconds) }

    /// Size by the usual number of bits for a pixel at CRF 19, which six steps of CRF halve.
    private static func estimate(_ decision: Self, media: ProbedMedia, options: DeliveryOptions) -> Int64 {
        let audio = Double(options.audioBitrate) * decision.duration / 8
        if decision.picture != .encode {
            let whole = max(media.duration, decision.duration, 0.001)
            return Int64(Int(saturating: Double(media.source.file.bytes) * decision.duration / whole))
        }
        let pixels = Double(decision.width * decision.height) * (decision.frameRate.value ?? 30)
        let rate = min(Double(options.maxrate), pixels * 0.09 * pow(2, (19 - options.crf) / 6))
        return min(options.maxBytes, Int64(Int(saturating: rate * decision.duration / 8 + audio)))
    }
}

extension DeliveryDecision {
    /// What encoding changes beside size and rate, for the plan.
    private static func conversions(_ track: VideoTrack) -> [String] {
        track.dynamicRange == .sdr ? [] : ["HDR is mapped to SDR"]
    }
}
