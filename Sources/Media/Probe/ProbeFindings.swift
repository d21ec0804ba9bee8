import Foundation
import PipelineKit

/// What a probe has found, and the sum of it.
struct ProbeFindings {
    let source: SourceFile
    let demuxer: Demuxer
    let scan: PacketScan
    var video: [VideoTrack] = []
    var audio: [AudioTrack] = []
    var other: [OtherTrack] = []
    /// The footage, as its first pictures show it.
    var chosen: VideoTrack?
    var sound: AudioTrack?
    /// Seconds at the start whose pictures can't be decoded.
    var lead = 0.0
    var shapeWarning: String?

    init(source: SourceFile, demuxer: Demuxer, scan: PacketScan) {
        self.source = source
        self.demuxer = demuxer
        self.scan = scan
    }

    /// The artifact.
    func media() -> ProbedMedia {
        let length = measure()
        return ProbedMedia(
            source: source, container: demuxer.formatName, duration: length.duration, startTime: length.start,
            bitRate: demuxer.bitRate, fastStart: MP4Boxes.isFastStart(fileAt: source.file.path),
            video: video.map { $0.index == chosen?.index ? chosen ?? $0 : $0 }, audio: audio, other: other,
            chosenVideo: chosen?.index ?? -1, chosenAudio: sound?.index, tags: demuxer.tags,
            warnings: damage(length) + doubts() + choices(), expectedFrames: expectedFrames,
            missingSeconds: length.missing)
    }

    private var picture: PacketScan.Track? { chosen.flatMap { scan.tracks[$0.index] } }

    // MARK: Length

    private struct Length {
        var start = 0.0
        var duration = 0.0
        /// What the headers claim of the chosen streams.
        var claimed: Double?
        /// Seconds that are claimed and not there.
        var missing: Double?
    }

    private func measure() -> Length {
        let indices = [chosen?.index, sound?.index].compactMap { $0 }
        let measured = indices.compactMap { scan.tracks[$0] }
        var length = Length()
        length.start = measured.compactMap(\.start).min() ?? demuxer.startTime ?? 0
        let end = measured.compactMap(\.end).max() ?? length.start
        // Subtitles and data may go on for longer than what is delivered.
        let own = indices.compactMap(demuxer.claimedDuration(of:)).max()
        length.claimed = own ?? demuxer.claimedDuration
        guard scan.isComplete, end > length.start else {
            length.duration = length.claimed ?? max(0, end - length.start)
            return length
        }
        length.duration = end - length.start
        // Containers count from zero, footage may begin later. Clocks that jump prove nothing.
        if let claimed = length.claimed, !demuxer.mayJump {
            let missing = claimed - max(length.duration, end, measured.map(\.span).max() ?? 0)
            if missing > max(0.5, claimed * 0.02) { length.missing = missing }
        }
        return length
    }

    /// Frames that the packets promise: those that are shown, two fields counted as one, less those before the first
    /// picture.
    private var expectedFrames: Int? {
        guard scan.isComplete, let chosen, let picture else { return nil }
        var frames = Double(picture.shown)
        if let rate = chosen.averageFrameRate.value, let length = picture.scannedDuration, rate > 0,
            frames > rate * length * 1.5
        {
            frames = rate * length
        }
        if lead > 0, let length = picture.scannedDuration { frames *= max(0, 1 - lead / length) }
        return max(1, Int(frames.rounded()))
    }

    // MARK: What a person should know

    private func damage(_ length: Length) -> [String] {
        var warnings: [String] = []
        if let missing = length.missing, let claimed = length.claimed {
            warnings.append(
                "the file claims \(Self.text(claimed)) but holds only \(Self.text(length.duration)) of packets: "
                    + "\(Self.text(missing)) (\(Self.percent(missing / claimed))) are missing, it is damaged or was cut off"
            )
        }
        if let corrupt = picture?.corrupt, corrupt > 0 {
            let share = Double(corrupt) / Double(max(1, picture?.packets ?? 1))
            warnings.append("\(corrupt) packets of the picture (\(Self.percent(share))) are damaged")
        }
        if let gaps = picture?.gaps, gaps > 0.2, demuxer.mayJump || picture?.corrupt ?? 0 > 0,
            let whole = picture?.scannedDuration
        {
            warnings.append("the picture has holes: \(Self.text(gaps)) (\(Self.percent(gaps / whole))) are missing")
        }
        if lead > 0.1 {
            warnings.append("it starts between key frames: the first \(Self.text(lead)) have no picture")
        }
        if scan.readErrors > 0 { warnings.append("the file could not be read to its end without errors") }
        return warnings
    }

    private func doubts() -> [String] {
        var warnings: [String] = []
        if let shapeWarning { warnings.append(shapeWarning) }
        if let claim = chosen?.claimedFieldOrder, let order = chosen?.fieldOrder {
            warnings.append(Self.fields(claim: claim, measured: order))
        }
        if let length = picture?.duration, let sound, let heard = scan.tracks[sound.index]?.duration,
            abs(length - heard) > 0.5
        {
            warnings.append("picture is \(Self.text(length)) and sound \(Self.text(heard)) long")
        }
        // Every GIF is decoded with transparency, and nearly none uses it.
        if chosen?.hasAlpha == true, chosen?.codec != "gif" {
            warnings.append("the picture has transparency, which a delivery can't keep")
        }
        if chosen?.dolbyVisionProfile == 7 {
            warnings.append("it is Dolby Vision profile 7: only its base layer is used")
        }
        return warnings
    }

    private static func fields(claim: String, measured: String) -> String {
        let claimed =
            claim == "unknown" ? "not flagged" : claim == "progressive" ? "flagged progressive" : "flagged interlaced"
        switch measured {
        case "progressive": return "\(claimed), but the pictures are progressive"
        case "telecine": return "\(claimed), but the pictures are film with 3:2 pulldown, which is left alone"
        default:
            let first = measured == "tt" ? "top" : "bottom"
            return claim == "unknown"
                ? "not flagged, but the pictures are interlaced, \(first) field first"
                : "\(claimed), but the pictures have the \(first) field first"
        }
    }

    private func choices() -> [String] {
        var warnings: [String] = []
        let footage = video.filter { !$0.isAttachedPicture }
        if footage.count > 1, let chosen {
            warnings.append("\(footage.count) picture tracks: stream \(chosen.index) is used")
        }
        if audio.count > 1, let sound {
            warnings.append("\(audio.count) sound tracks: stream \(sound.index) is used")
        }
        if !audio.isEmpty, sound == nil { warnings.append("no sound track can be decoded: it is left out") }
        return warnings
    }

    private static func text(_ seconds: Double) -> String { String(format: "%.2f s", seconds) }
    private static func percent(_ share: Double) -> String {
        String(format: share < 0.1 ? "%.1f %%" : "%.0f %%", share * 100)
    }
}
