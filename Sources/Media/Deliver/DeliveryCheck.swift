import Foundation
package import PipelineKit

/// Verifies a finished delivery by reading the file back rather than trusting the encoder's settings.
package enum DeliveryCheck {
    /// Measurements of the file: its duration in seconds and its size in bytes.
    package struct Facts: Sendable, Hashable {
        package var duration: Double
        package var bytes: Int64
    }

    /// Reads every packet of a delivery and compares it with the spec.
    /// - Throws: `MediaError` that lists every violation.
    package static func read(
        _ path: String, decision: DeliveryDecision, options: DeliveryOptions, cancellation: CancellationFlag
    ) throws(MediaError) -> Facts {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation, description: .header)
        let indices = Array(0..<demuxer.streamCount)
        let scan = try PacketScan(of: demuxer, streams: indices, video: [0])
        let tracks = TrackReader(demuxer: demuxer)
        var problems: [String] = []
        let bytes = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value ?? 0
        guard indices.count == 2, let video = tracks.video(0, scan: scan.tracks[0]),
            let audio = tracks.audio(1, scan: scan.tracks[1])
        else {
            throw MediaError(
                "checking the delivery", text: "\(indices.count) streams instead of video and audio", file: path)
        }
        if video.codedWidth != decision.format.width || video.codedHeight != decision.format.height {
            problems.append(
                "\(video.codedWidth)×\(video.codedHeight) instead of \(decision.format.width)×\(decision.format.height)"
            )
        }
        let frames = scan.tracks[0]
        if frames?.isEven == false { problems.append("the frame rate is not constant") }
        if frames?.startsWithKeyFrame == false { problems.append("it does not start with a keyframe") }
        if frames?.closedGroups == false { problems.append("it has open GOPs") }
        if let interval = frames?.longestKeyFrameInterval, interval > DeliverySpec.keyFrameInterval + 0.09 {
            problems.append("keyframes are \(interval.secondsText) apart")
        }
        let videoLength = video.duration ?? 0
        let audioLength = audio.duration ?? 0
        if abs(video.startTime ?? 0) > 0.03 { problems.append("the video starts at \(video.startTime ?? 0) s") }
        if abs(audio.startTime ?? 0) > 0.03 { problems.append("the audio starts at \(audio.startTime ?? 0) s") }
        if abs(videoLength - audioLength) > 0.1 {
            problems.append(
                "the video is \(videoLength.secondsText) and the audio "
                    + "\(audioLength.secondsText) long")
        }
        let duration = max(videoLength, demuxer.claimedDuration ?? 0)
        if duration > options.maxDuration + 0.001 { problems.append("it is \(duration.secondsText) long") }
        if bytes > options.maxBytes { problems.append("it has \(bytes) bytes") }
        if MP4Boxes.isFastStart(fileAt: path) != true { problems.append("moov is not before mdat") }
        if !problems.isEmpty {
            throw MediaError("checking the delivery", text: problems.joined(separator: "; "), file: path)
        }
        return Facts(duration: (duration * 1e6).rounded() / 1e6, bytes: bytes)
    }
}
