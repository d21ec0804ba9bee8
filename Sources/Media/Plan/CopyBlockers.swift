import Foundation
import PipelineKit

/// Why the packets of footage can't be copied, one clause for each reason.
struct CopyBlockers {
    /// Why video packets can't be copied, apart from a cut; empty if the video already meets the spec.
    let video: [String]
    /// Why audio packets can't be copied; also empty if there is no audio.
    let audio: [String]
    /// Frame rate of the delivery if it is encoded.
    let frameRate: FrameRatePolicy.Choice

    init(
        track: VideoTrack, audioTrack: AudioTrack?, media: ProbedMedia, options: DeliveryOptions, range: DeliveryRange
    ) {
        frameRate = FrameRatePolicy.choose(for: track, requested: options.frameRate, speed: range.speed)
        var video = Self.encoding(track) + Self.colours(track) + Self.frames(track) + Self.structure(track)
        if !media.container.contains("mp4") { video.append("the container is \(media.container)") }
        if let videoStart = track.startTime, let audioStart = audioTrack?.startTime, videoStart - audioStart > 0.03 {
            video.append("it starts \((videoStart - audioStart).secondsText) after the audio")
        }
        video += Self.shape(track, options: options)
        video += media.decorations.map(\.copyBlocker)
        if let reason = frameRate.reason, !frameRate.allowsCopy { video.append(reason) }
        if range.speed != 1, let change = range.change { video.append(change) }
        let bytes = Self.bytes(of: range, media: media)
        if bytes > options.maxBytes {
            let subject = range.isCut ? "the cut is about" : "it is"
            video.append("\(subject) \(ByteCount(bytes)), above \(ByteCount(options.maxBytes))")
        }
        self.video = video
        audio = audioTrack.map { Self.audio($0, media: media, range: range) } ?? []
    }

    /// How to cut the footage without encoding all of it; nil if it is not cut or this is not possible.
    func cutPlan(for track: VideoTrack, range: DeliveryRange) -> CutPlan? {
        guard range.isCut, video.isEmpty, frameRate.reason == nil else { return nil }
        let limit = Int(saturating: (range.length * (frameRate.rate.value ?? 30) + 1e-6).rounded(.down))
        return CutPlan(
            track: track, start: range.start, length: range.length, limit: limit, frameRate: frameRate.rate)
    }

    /// Estimated bytes of the delivered part of the footage, assuming a constant bit rate.
    private static func bytes(of range: DeliveryRange, media: ProbedMedia) -> Int64 {
        let whole = media.source.file.bytes
        guard range.isCut, media.duration > range.length else { return whole }
        return Int64(Int(saturating: Double(whole) * range.length / media.duration))
    }

    // MARK: Video

    private static func encoding(_ track: VideoTrack) -> [String] {
        var blockers: [String] = []
        if track.codec != "h264" {
            blockers.append("the video is \(track.codec), not H.264")
        } else {
            if !["High", "Main", "Constrained Baseline", "Baseline"].contains(track.profile ?? "") {
                blockers.append("the profile is \(track.profile ?? "unknown")")
            }
            if let level = track.level, level > 42 {
                blockers.append(String(format: "the level is %.1f, above 4.2", Double(level) / 10))
            }
        }
        if track.pixelFormat != "yuv420p" { blockers.append("the pixel format is \(track.pixelFormat), not yuv420p") }
        return blockers
    }

    private static func colours(_ track: VideoTrack) -> [String] {
        var blockers: [String] = []
        if track.dynamicRange != .sdr {
            blockers.append("the video is HDR (\(track.dynamicRange.rawValue.uppercased()))")
        } else if track.colorPrimaries != "bt709" || track.colorTransfer != "bt709" || track.colorSpace != "bt709" {
            blockers.append("the colours are not tagged BT.709")
        }
        if track.colorRange == "pc" { blockers.append("the colour range is full") }
        return blockers
    }

    private static func frames(_ track: VideoTrack) -> [String] {
        var blockers: [String] = []
        if abs((track.sampleAspectRatio.value ?? 1) - 1) > 1e-9 {
            blockers.append("the pixels are not square (\(track.sampleAspectRatio))")
        }
        if track.rotation != 0 {
            blockers.append("it is rotated by \(track.rotation)°")
        } else if track.mirrored {
            blockers.append("it is mirrored")
        }
        if !["progressive", "unknown"].contains(track.fieldOrder) {
            blockers.append(track.fieldOrder == "telecine" ? "it is telecined" : "it is interlaced")
        } else if let claim = track.claimedFieldOrder {
            blockers.append("it is flagged as interlaced (\(claim))")
        }
        if let region = track.cleanAperture { blockers.append("its visible area is only \(region)") }
        return blockers
    }

    private static func structure(_ track: VideoTrack) -> [String] {
        var blockers: [String] = []
        if track.constantFrameRate == nil { blockers.append("it has too few frames to determine its frame rate") }
        if let interval = track.longestKeyFrameInterval {
            if interval > DeliverySpec.keyFrameInterval + 0.05 {
                blockers.append("keyframes are \(interval.secondsText) apart")
            }
        } else {
            blockers.append("it has no keyframes")
        }
        if track.closedGroups == false { blockers.append("it has open GOPs") }
        if track.dolbyVisionProfile != nil { blockers.append("it contains Dolby Vision data") }
        return blockers
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

    // MARK: Audio

    private static func audio(_ track: AudioTrack, media: ProbedMedia, range: DeliveryRange) -> [String] {
        var blockers: [String] = []
        if track.codec != "aac" || track.profile != "LC" {
            blockers.append("it is \(track.codec)\(track.profile.map { " \($0)" } ?? ""), not AAC-LC")
        }
        if track.sampleRate != DeliverySpec.sampleRate {
            blockers.append("its sample rate is \(track.sampleRate) Hz, not 48000")
        }
        if track.channels != 2 { blockers.append("it has \(track.channels) channels, not 2") }
        if track.bitRate ?? 0 < DeliverySpec.minimumAudioBitRate * 97 / 100 {
            blockers.append("its bit rate is below 128 kb/s")
        }
        if !media.container.contains("mp4") { blockers.append("the container is \(media.container)") }
        if range.speed != 1 { blockers.append("it is played faster") }
        guard let start = track.startTime, let length = track.duration else {
            return blockers + ["its duration is unknown"]
        }
        if start - range.start > 0.03 {
            blockers.append("it starts \((start - range.start).secondsText) after the video")
        }
        let missing = range.start + range.length - (start + length)
        if missing > 0.09 { blockers.append("it ends \(missing.secondsText) before the video") }
        // If all video is copied, the audio is not cut.
        if missing < -0.09, !range.isCut {
            blockers.append("it ends \((-missing).secondsText) after the video")
        }
        return blockers
    }
}

extension VideoDecoration {
    /// Why video with this decoration can't be copied, as a clause.
    fileprivate var copyBlocker: String {
        switch self {
        case .image: "an overlay is drawn on it"
        case .text: "text is drawn on it"
        case .subtitles: "subtitles are drawn on it"
        }
    }
}
