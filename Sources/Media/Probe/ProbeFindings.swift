import Foundation
import PipelineKit

/// Collects the findings of a probe and turns them into an artifact with warnings.
struct ProbeFindings {
    let source: SourceFile
    let demuxer: Demuxer
    let scan: PacketScan
    var video: [VideoTrack] = []
    var audio: [AudioTrack] = []
    var other: [OtherTrack] = []
    /// The chosen video track, corrected by its first decoded frames.
    var chosenVideo: VideoTrack?
    var chosenAudio: AudioTrack?
    /// Seconds at the start that can't be decoded because they precede the first keyframe.
    var lead = 0.0
    var geometryWarning: String?

    init(source: SourceFile, demuxer: Demuxer, scan: PacketScan) {
        self.source = source
        self.demuxer = demuxer
        self.scan = scan
    }

    /// Builds the artifact from the findings.
    func media() -> ProbedMedia {
        let length = measure()
        var media = ProbedMedia(
            source: source, container: demuxer.formatName, duration: length.duration,
            video: video.map { $0.index == chosenVideo?.index ? chosenVideo ?? $0 : $0 }, audio: audio,
            chosenVideo: chosenVideo?.index ?? -1, chosenAudio: chosenAudio?.index)
        media.startTime = length.start
        media.bitRate = demuxer.bitRate
        media.fastStart = MP4Boxes.isFastStart(fileAt: source.file.path)
        media.other = other
        media.tags = demuxer.tags
        media.warnings = damage(length) + doubts() + choices()
        media.expectedFrames = expectedFrames
        media.missingSeconds = length.missing
        return media
    }

    private var videoScan: PacketScan.Track? { chosenVideo.flatMap { scan.tracks[$0.index] } }

    // MARK: Length

    private struct Length {
        var start = 0.0
        var duration = 0.0
        /// Duration of the chosen streams in seconds according to the headers.
        var claimed: Double?
        /// Seconds that the headers claim but the file does not contain.
        var missing: Double?
    }

    private func measure() -> Length {
        let indices = [chosenVideo?.index, chosenAudio?.index].compactMap { $0 }
        let measured = indices.compactMap { scan.tracks[$0] }
        var length = Length()
        length.start = measured.compactMap(\.start).min() ?? demuxer.startTime ?? 0
        let end = measured.compactMap(\.end).max() ?? length.start
        // Subtitle and data streams may be longer than the chosen streams.
        let longest = indices.compactMap(demuxer.claimedDuration(of:)).max()
        length.claimed = longest ?? demuxer.claimedDuration
        guard scan.isComplete, end > length.start else {
            length.duration = length.claimed ?? max(0, end - length.start)
            return length
        }
        length.duration = end - length.start
        // Containers count from zero although footage may start later. Timestamps that jump prove nothing.
        if let claimed = length.claimed, !demuxer.mayJump {
            let missing = claimed - max(length.duration, end, measured.map(\.span).max() ?? 0)
            if missing > max(0.5, claimed * 0.02) { length.missing = missing }
        }
        return length
    }

    /// Number of frames to expect from the shown packets: two fields count as one frame, and frames before the first
    /// decodable one don't count.
    private var expectedFrames: Int? {
        guard scan.isComplete, let chosenVideo, let videoScan else { return nil }
        var frames = Double(videoScan.shown)
        if let rate = chosenVideo.averageFrameRate.value, let length = videoScan.scannedDuration, rate > 0,
            frames > rate * length * 1.5
        {
            frames = rate * length
        }
        if lead > 0, let length = videoScan.scannedDuration { frames *= max(0, 1 - lead / length) }
        return max(1, Int(frames.rounded()))
    }

    // MARK: Warnings

    private func damage(_ length: Length) -> [String] {
        var warnings: [String] = []
        if let missing = length.missing, let claimed = length.claimed {
            warnings.append(
                "the file claims \(claimed.secondsText) but has packets for only \(length.duration.secondsText): "
                    + "\(missing.secondsText) (\(Self.percent(missing / claimed))) are missing; it is damaged or cut off"
            )
        }
        if let corrupt = videoScan?.corrupt, corrupt > 0 {
            let share = Double(corrupt) / Double(max(1, videoScan?.packets ?? 1))
            warnings.append("\(corrupt) video packets (\(Self.percent(share))) are damaged")
        }
        if let gaps = videoScan?.gaps, gaps > 0.2, demuxer.mayJump || videoScan?.corrupt ?? 0 > 0,
            let whole = videoScan?.scannedDuration
        {
            warnings.append("the video has gaps: \(gaps.secondsText) (\(Self.percent(gaps / whole))) are missing")
        }
        if lead > 0.1 {
            warnings.append("it starts between keyframes: the first \(lead.secondsText) can't be decoded")
        }
        if scan.readErrors > 0 { warnings.append("there were errors while reading the file to its end") }
        return warnings
    }

    private func doubts() -> [String] {
        var warnings: [String] = []
        if let geometryWarning { warnings.append(geometryWarning) }
        if let claim = chosenVideo?.claimedFieldOrder, let order = chosenVideo?.fieldOrder {
            warnings.append(Self.fields(claim: claim, measured: order))
        }
        if let length = videoScan?.duration, let chosenAudio,
            let audioLength = scan.tracks[chosenAudio.index]?.duration,
            abs(length - audioLength) > 0.5
        {
            warnings.append("the video is \(length.secondsText) and the audio \(audioLength.secondsText) long")
        }
        // Every GIF is decoded with an alpha channel, and few use it.
        if chosenVideo?.hasAlpha == true, chosenVideo?.codec != "gif" {
            warnings.append("the video has transparency, which a delivery can't keep")
        }
        if chosenVideo?.dolbyVisionProfile == 7 {
            warnings.append("it is Dolby Vision profile 7: only its base layer is used")
        }
        return warnings
    }

    private static func fields(claim: String, measured: String) -> String {
        let claimed =
            claim == "unknown" ? "not flagged" : claim == "progressive" ? "flagged progressive" : "flagged interlaced"
        switch measured {
        case "progressive": return "\(claimed), but the frames are progressive"
        case "telecine": return "\(claimed), but the frames are film with 3:2 pulldown, which is left alone"
        default:
            let first = measured == "tt" ? "top" : "bottom"
            return claim == "unknown"
                ? "not flagged, but the frames are interlaced, \(first) field first"
                : "\(claimed), but the frames have the \(first) field first"
        }
    }

    private func choices() -> [String] {
        var warnings: [String] = []
        let footage = video.filter { !$0.isAttachedPicture }
        if footage.count > 1, let chosenVideo {
            warnings.append("\(footage.count) video tracks: stream \(chosenVideo.index) is used")
        }
        if audio.count > 1, let chosenAudio {
            warnings.append("\(audio.count) audio tracks: stream \(chosenAudio.index) is used")
        }
        if !audio.isEmpty, chosenAudio == nil { warnings.append("no audio track can be decoded: none is used") }
        return warnings
    }

    private static func percent(_ share: Double) -> String {
        String(format: share < 0.1 ? "%.1f %%" : "%.0f %%", share * 100)
    }
}
