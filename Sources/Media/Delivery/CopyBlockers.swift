import Foundation
import PipelineKit

/// Why the packets of footage can't be copied, one clause for each reason.
struct CopyBlockers {
    /// Why video packets can't be copied, apart from a cut; empty if the video already meets the spec.
    var video: [String]
    /// Why audio packets can't be copied; also empty if there is no audio.
    var audio: [String]
    /// Frame rate of the delivery if it is encoded.
    var rate: FrameRatePolicy.Choice

    init(
        _ track: VideoTrack, audio audioTrack: AudioTrack?, media: ProbedMedia, options: DeliveryOptions,
        span: DeliveryRange
    ) {
        rate = FrameRatePolicy.choose(for: track, requested: options.frameRate, speed: span.speed)
        video = Self.video(track, audio: audioTrack, media: media, options: options)
        if let reason = rate.reason, !rate.ownWouldDo { video.append(reason) }
        if span.speed != 1, let change = span.cut { video.append(change) }
        let bytes = Self.bytes(of: span, media: media)
        if bytes > options.maxBytes {
            let subject = span.isCut ? "the cut is about" : "it is"
            video.append("\(subject) \(ByteCount(bytes)), above \(ByteCount(options.maxBytes))")
        }
        audio = audioTrack.map { Self.audio($0, media: media, options: options, span: span) } ?? []
    }

    /// Estimated bytes of the delivered part of the footage, assuming a constant bit rate.
    static func bytes(of span: DeliveryRange, media: ProbedMedia) -> Int64 {
        let whole = media.source.file.bytes
        guard span.isCut, media.duration > span.length else { return whole }
        return Int64(Int(saturating: Double(whole) * span.length / media.duration))
    }

    /// How to cut the footage without encoding all of it; nil if it is not cut or this is not possible.
    func plan(_ track: VideoTrack, span: DeliveryRange) -> CutPlan? {
        guard span.isCut, video.isEmpty, rate.reason == nil else { return nil }
        let limit = Int(saturating: (span.length * (rate.rate.value ?? 30) + 1e-6).rounded(.down))
        return CutPlan(
            track: track, start: span.start, length: span.length, limit: limit, frameRate: rate.rate)
    }

    private static func video(
        _ track: VideoTrack, audio: AudioTrack?, media: ProbedMedia, options: DeliveryOptions
    ) -> [String] {
        var obstacles: [String] = []
        let isH264 = track.codec == "h264"
        if !isH264 { obstacles.append("the video is \(track.codec), not H.264") }
        if isH264, !["High", "Main", "Constrained Baseline", "Baseline"].contains(track.profile ?? "") {
            obstacles.append("the profile is \(track.profile ?? "unknown")")
        }
        if isH264, let level = track.level, level > 42 {
            obstacles.append(String(format: "the level is %.1f, above 4.2", Double(level) / 10))
        }
        if track.pixelFormat != "yuv420p" { obstacles.append("the pixel format is \(track.pixelFormat), not yuv420p") }
        if track.dynamicRange != .sdr {
            obstacles.append("the video is HDR (\(track.dynamicRange.rawValue.uppercased()))")
        } else if track.colorPrimaries != "bt709" || track.colorTransfer != "bt709" || track.colorSpace != "bt709" {
            obstacles.append("the colours are not tagged BT.709")
        }
        if track.colorRange == "pc" { obstacles.append("the colour range is full") }
        if abs((track.sampleAspectRatio.value ?? 1) - 1) > 1e-9 {
            obstacles.append("the pixels are not square (\(track.sampleAspectRatio))")
        }
        if track.rotation != 0 || track.mirrored {
            obstacles.append(
                track.rotation == 0 ? "it is mirrored" : "it is rotated by \(track.rotation)°")
        }
        if !["progressive", "unknown"].contains(track.fieldOrder) {
            obstacles.append(track.fieldOrder == "telecine" ? "it is telecined" : "it is interlaced")
        } else if let claim = track.claimedFieldOrder {
            obstacles.append("it is flagged as interlaced (\(claim))")
        }
        if let area = track.cleanAperture { obstacles.append("its visible area is only \(area)") }
        if track.constantFrameRate == nil { obstacles.append("it has too few frames to determine its frame rate") }
        if track.longestKeyFrameInterval ?? .infinity > DeliverySpec.keyFrameInterval + 0.05 {
            obstacles.append(
                track.longestKeyFrameInterval.map { "keyframes are \(DeliveryDecision.text($0)) apart" }
                    ?? "it has no keyframes")
        }
        if track.closedGroups == false { obstacles.append("it has open GOPs") }
        if track.dolbyVisionProfile != nil { obstacles.append("it contains Dolby Vision data") }
        if !media.container.contains("mp4") { obstacles.append("the container is \(media.container)") }
        if let videoStart = track.startTime, let audioStart = audio?.startTime, videoStart - audioStart > 0.03 {
            obstacles.append("it starts \(DeliveryDecision.text(videoStart - audioStart)) after the audio")
        }
        obstacles += shape(track, options: options)
        obstacles += media.decorations.map(\.obstacle)
        return obstacles
    }

    private static func shape(_ track: VideoTrack, options: DeliveryOptions) -> [String] {
        let (width, height) = (track.displayWidth, track.displayHeight)
        if case .ratio(let across, let down) = options.aspect {
            let wanted = Double(across) / Double(down)
            let difference = abs(Double(width) / Double(height) - wanted)
            if difference > max(1 / Double(height), 1 / Double(width)) + 0.001 {
                let verb =
                    switch options.fit {
                    case .crop: "is cropped"
                    case .pad: "gets bars"
                    case .blur: "gets a blurred background"
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

    private static func audio(
        _ audio: AudioTrack, media: ProbedMedia, options: DeliveryOptions, span: DeliveryRange
    ) -> [String] {
        var obstacles: [String] = []
        if audio.codec != "aac" || audio.profile != "LC" {
            obstacles.append("it is \(audio.codec)\(audio.profile.map { " \($0)" } ?? ""), not AAC-LC")
        }
        if audio.sampleRate != DeliverySpec.sampleRate {
            obstacles.append("its sample rate is \(audio.sampleRate) Hz, not 48000")
        }
        if audio.channels != 2 { obstacles.append("it has \(audio.channels) channels, not 2") }
        if audio.bitRate ?? 0 < DeliverySpec.minimumAudioBitRate * 97 / 100 {
            obstacles.append("its bit rate is below 128 kb/s")
        }
        if !media.container.contains("mp4") { obstacles.append("the container is \(media.container)") }
        if span.speed != 1 { obstacles.append("it is played faster") }
        guard let start = audio.startTime, let length = audio.duration else {
            return obstacles + ["its duration is unknown"]
        }
        if start - span.start > 0.03 {
            obstacles.append("it starts \(DeliveryDecision.text(start - span.start)) after the video")
        }
        let missing = span.start + span.length - (start + length)
        if missing > 0.09 { obstacles.append("it ends \(DeliveryDecision.text(missing)) before the video") }
        // If all video is copied, the audio is not cut.
        if missing < -0.09, !span.isCut {
            obstacles.append("it ends \(DeliveryDecision.text(-missing)) after the video")
        }
        return obstacles
    }
}
