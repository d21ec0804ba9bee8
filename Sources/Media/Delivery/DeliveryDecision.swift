import Foundation
package import PipelineKit

/// Everything that is decided about a delivery before work starts: what `plan` shows is what `run` does.
package struct DeliveryDecision: Sendable, Hashable {
    /// What happens to the picture.
    package enum PictureHandling: Sendable, Hashable {
        case copy
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
    /// Why, one sentence each.
    package var reasons: [String]
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
    /// Frames at most.
    package var frameLimit: Int
    /// Expected length in seconds.
    package var duration: Double
    /// Whether fields are woven into frames that a filter must take apart.
    package var deinterlaces: Bool
    /// Expected size in bytes.
    package var estimatedBytes: Int64

    /// How the delivery will be described.
    package var strategy: DeliveryStrategy { picture == .copy ? .copy : .encode }

    /// Longest time for which the last picture stands while the sound goes on.
    package static let longestHold = 3.0
    /// Longest time for which the first picture stands in for missing ones while the sound already plays.
    package static let longestLead = 1.0

    /// Decides.
    /// - Throws: `StageError` when the options and the footage don't go together.
    package init(for media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        guard let track = media.videoTrack else {
            throw StageError(.unusableFootage, "\(media.source.displayPath) has no picture", hint: "give a video file")
        }
        let audio = media.audioTrack
        let timeline = Timeline(track: track, audio: audio, media: media)
        let available = timeline.end - timeline.start
        guard options.trimStart < max(available, 0.001) else {
            throw StageError(
                .unusableFootage,
                "trim starts at \(Self.text(options.trimStart)), but \(media.source.displayPath) is only "
                    + "\(Self.text(available)) long",
                hint: "start the trim earlier")
        }
        let allowed = min(options.maxDuration, (options.trimEnd ?? .infinity) - options.trimStart)
        let length = min(available - options.trimStart, allowed)

        warnings = media.warnings
        let choice = FrameRatePolicy.choose(for: track, requested: options.frameRate)
        var obstacles = Self.obstaclesToCopyingPicture(track, media: media, options: options)
        if let reason = choice.reason, !choice.ownWouldDo { obstacles.append(reason) }
        if available - options.trimStart > allowed + 0.001 || options.trimStart > 0 {
            obstacles.append(
                "it is cut from \(Self.text(available)) to \(Self.text(length))"
                    + (options.trimStart > 0 ? ", starting at \(Self.text(options.trimStart))" : ""))
        }
        if media.source.file.bytes > options.maxBytes {
            obstacles.append("it is \(ByteCount(media.source.file.bytes)), above \(ByteCount(options.maxBytes))")
        }

        let canCopy = obstacles.isEmpty
        if options.passthrough == .require, let first = obstacles.first {
            throw StageError(
                .unusableFootage,
                "\(media.source.displayPath) can't be copied as it is: \(obstacles.joined(separator: "; "))",
                hint: "set passthrough to auto to have it encoded", cause: first)
        }
        picture = canCopy && options.passthrough != .never ? .copy : .encode
        if picture == .copy {
            (width, height) = (track.displayWidth, track.displayHeight)
            frameRate = choice.reason == nil ? choice.rate : track.averageFrameRate
        } else {
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
        }
        let framesPerSecond = frameRate.value ?? 30
        level = DeliverySpec.level(width: width, height: height, frameRate: framesPerSecond) ?? H264Level.allowed[1]
        start = timeline.start + options.trimStart
        frameLimit = allowed.isFinite ? max(1, Int((allowed * framesPerSecond + 1e-6).rounded(.down))) : Int.max
        duration = picture == .copy ? length : max(1, (length * framesPerSecond).rounded()) / framesPerSecond
        if picture == .encode { duration = min(duration, Double(frameLimit) / framesPerSecond) }
        deinterlaces = ["tt", "bb", "tb", "bt"].contains(track.fieldOrder)

        let soundObstacles = audio.map { Self.obstaclesToCopyingSound($0, picture: track) } ?? []
        reasons = picture == .copy ? ["the picture already meets the delivery spec: its packets are copied"] : obstacles
        if picture == .encode, canCopy { reasons = ["passthrough is set to never"] }
        if audio == nil {
            sound = .silence
            reasons.append("there is no sound: a silent track is added")
        } else if picture == .copy, soundObstacles.isEmpty {
            sound = .copy
        } else {
            sound = .encode
            if picture == .copy { reasons += soundObstacles.map { "the sound is encoded: \($0)" } }
        }
        if picture == .encode {
            reasons += Self.conversions(track)
            if choice.ownWouldDo, let reason = choice.reason { reasons.append(reason) }
        }
        warnings += timeline.warnings
        estimatedBytes = 0
        estimatedBytes = Self.estimate(self, media: media, options: options)
    }

    static func text(_ seconds: Double) -> String { String(format: "%.2f s", seconds) }

    /// Size by the usual number of bits for a pixel at CRF 19, which six steps of CRF halve.
    private static func estimate(_ decision: Self, media: ProbedMedia, options: DeliveryOptions) -> Int64 {
        let audio = Double(options.audioBitrate) * decision.duration / 8
        if decision.picture == .copy { return media.source.file.bytes }
        let pixels = Double(decision.width * decision.height) * (decision.frameRate.value ?? 30)
        let rate = min(Double(options.maxrate), pixels * 0.09 * pow(2, (19 - options.crf) / 6))
        return min(options.maxBytes, Int64(rate * decision.duration / 8 + audio))
    }
}

extension DeliveryDecision {
    /// Where picture and sound lie in the footage's own time.
    private struct Timeline {
        var start: Double
        var end: Double
        var warnings: [String] = []

        init(track: VideoTrack, audio: AudioTrack?, media: ProbedMedia) {
            let pictureStart = track.startTime ?? media.startTime
            start = pictureStart
            end = pictureStart + (track.duration ?? media.duration)
            guard let audio, let audioStart = audio.startTime else { return }
            let lead = pictureStart - audioStart
            if lead > DeliveryDecision.longestLead {
                warnings.append(
                    "the sound before the first picture, \(DeliveryDecision.text(lead)), is left out")
            } else {
                start = min(pictureStart, audioStart)
            }
            if let length = audio.duration {
                let audioEnd = audioStart + length
                if audioEnd - end > DeliveryDecision.longestHold {
                    warnings.append(
                        "the sound goes on \(DeliveryDecision.text(audioEnd - end)) after the last picture and is cut")
                } else if audioEnd > end {
                    end = audioEnd
                }
            }
        }
    }

    /// What keeps the picture's packets from being copied, one clause each.
    private static func obstaclesToCopyingPicture(
        _ track: VideoTrack, media: ProbedMedia, options: DeliveryOptions
    ) -> [String] {
        var obstacles: [String] = []
        let isH264 = track.codec == "h264"
        if !isH264 { obstacles.append("the picture is \(track.codec), not H.264") }
        if isH264, !["High", "Main", "Constrained Baseline", "Baseline"].contains(track.profile ?? "") {
            obstacles.append("the profile is \(track.profile ?? "unknown")")
        }
        if isH264, let level = track.level, level > 42 {
            obstacles.append(String(format: "the level is %.1f, above 4.2", Double(level) / 10))
        }
        if track.pixelFormat != "yuv420p" { obstacles.append("the pixels are \(track.pixelFormat), not yuv420p") }
        if track.dynamicRange != .sdr {
            obstacles.append("the picture is HDR (\(track.dynamicRange.rawValue.uppercased()))")
        } else if track.colorPrimaries != "bt709" || track.colorTransfer != "bt709" || track.colorSpace != "bt709" {
            obstacles.append("the colours are not tagged BT.709")
        }
        if track.colorRange == "pc" { obstacles.append("the colour range is full") }
        if abs((track.sampleAspectRatio.value ?? 1) - 1) > 1e-9 {
            obstacles.append("the pixels are not square (\(track.sampleAspectRatio))")
        }
        if track.rotation != 0 || track.mirrored {
            obstacles.append(
                track.rotation == 0 ? "it is mirrored" : "it is turned by \(track.rotation)°")
        }
        if !["progressive", "unknown"].contains(track.fieldOrder) { obstacles.append("it is interlaced") }
        if track.constantFrameRate == nil { obstacles.append("too few frames to know its rate") }
        if track.longestKeyFrameInterval ?? .infinity > DeliverySpec.keyFrameInterval + 0.05 {
            obstacles.append(
                track.longestKeyFrameInterval.map { "key frames are \(text($0)) apart" } ?? "it has no key frames")
        }
        if track.closedGroups == false { obstacles.append("its groups of pictures are open") }
        if track.dolbyVisionProfile != nil { obstacles.append("it carries Dolby Vision data") }
        if !media.container.contains("mp4") { obstacles.append("the container is \(media.container)") }
        if let audio = media.audioTrack, let picture = track.startTime, let sound = audio.startTime,
            abs(picture - sound) > 0.03
        {
            obstacles.append("picture and sound start \(text(abs(picture - sound))) apart")
        }
        obstacles += shapeObstacles(track, options: options)
        return obstacles
    }

    private static func shapeObstacles(_ track: VideoTrack, options: DeliveryOptions) -> [String] {
        let (width, height) = (track.displayWidth, track.displayHeight)
        if case .ratio(let across, let down) = options.aspect {
            let wanted = Double(across) / Double(down)
            let difference = abs(Double(width) / Double(height) - wanted)
            if difference > max(1 / Double(height), 1 / Double(width)) + 0.001 {
                let verb =
                    switch options.fit {
                    case .crop: "is cropped"
                    case .pad: "gets bars"
                    case .blur: "gets a blurred surround"
                    }
                return ["\(width)×\(height) \(verb) for \(across):\(down)"]
            }
        }
        if width % 2 != 0 || height % 2 != 0 || min(width, height) < DeliverySpec.minimumSide
            || max(width, height) > DeliverySpec.maximumSide
        {
            return ["the size \(width)×\(height) is not allowed"]
        }
        if case .exact(let exactWidth, let exactHeight) = options.size, (width, height) != (exactWidth, exactHeight) {
            return ["the size is set to \(exactWidth)×\(exactHeight)"]
        }
        return []
    }

    /// What keeps the sound's packets from being copied.
    private static func obstaclesToCopyingSound(_ audio: AudioTrack, picture: VideoTrack) -> [String] {
        var obstacles: [String] = []
        if audio.codec != "aac" || audio.profile != "LC" {
            obstacles.append("it is \(audio.codec)\(audio.profile.map { " \($0)" } ?? ""), not AAC-LC")
        }
        if audio.sampleRate != DeliverySpec.sampleRate { obstacles.append("it has \(audio.sampleRate) Hz, not 48000") }
        if audio.channels != 2 { obstacles.append("it has \(audio.channels) channels, not 2") }
        if audio.bitRate ?? 0 < DeliverySpec.minimumAudioBitRate * 97 / 100 {
            obstacles.append("its bit rate is below 128 kb/s")
        }
        if let sound = audio.duration, let length = picture.duration, abs(sound - length) > 0.09 {
            obstacles.append("it is \(text(sound)) long, the picture \(text(length))")
        }
        return obstacles
    }

    /// What encoding changes beside size and rate, for the plan.
    private static func conversions(_ track: VideoTrack) -> [String] {
        track.dynamicRange == .sdr ? [] : ["HDR is mapped to SDR"]
    }
}
