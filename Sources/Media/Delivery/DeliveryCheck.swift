import Foundation
package import PipelineKit

/// Reads a finished file back: a delivery is what the file says, not what the encoder was told.
package enum DeliveryCheck {
    /// What was measured.
    package struct Facts: Sendable, Hashable {
        package var duration: Double
        package var bytes: Int64
    }

    /// Reads every packet of a delivery and compares it with the spec.
    /// - Throws: `MediaError` that lists all that is wrong.
    package static func read(
        _ path: String, decision: DeliveryDecision, options: DeliveryOptions, cancellation: CancellationFlag
    ) throws(MediaError) -> Facts {
        let log = MediaLog()
        let demuxer = try Demuxer(path: path, log: log, cancellation: cancellation, description: .header)
        let indices = Array(0..<demuxer.streamCount)
        let scan = try PacketScan(of: demuxer, streams: indices, pictures: [0])
        let tracks = TrackReader(demuxer: demuxer)
        var problems: [String] = []
        let bytes = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value ?? 0
        guard indices.count == 2, let picture = tracks.video(0, scan: scan.tracks[0]),
            let sound = tracks.audio(1, scan: scan.tracks[1])
        else {
            throw MediaError("checking the delivery", text: "it has \(indices.count) streams", file: path)
        }
        if picture.codedWidth != decision.width || picture.codedHeight != decision.height {
            problems.append(
                "\(picture.codedWidth)×\(picture.codedHeight) instead of \(decision.width)×\(decision.height)")
        }
        let frames = scan.tracks[0]
        if frames?.isEven == false { problems.append("the frame rate is not constant") }
        if frames?.startsWithKeyFrame == false { problems.append("it does not start with a key frame") }
        if frames?.closedGroups == false { problems.append("groups of pictures are open") }
        if let interval = frames?.longestKeyFrameInterval, interval > DeliverySpec.keyFrameInterval + 0.09 {
            problems.append("key frames are \(DeliveryDecision.text(interval)) apart")
        }
        let pictureLength = picture.duration ?? 0
        let soundLength = sound.duration ?? 0
        if abs(picture.startTime ?? 0) > 0.03 { problems.append("the picture starts at \(picture.startTime ?? 0)") }
        if abs(sound.startTime ?? 0) > 0.03 { problems.append("the sound starts at \(sound.startTime ?? 0)") }
        if abs(pictureLength - soundLength) > 0.1 {
            problems.append(
                "the picture is \(DeliveryDecision.text(pictureLength)) and the sound "
                    + "\(DeliveryDecision.text(soundLength)) long")
        }
        let duration = max(pictureLength, demuxer.claimedDuration ?? 0)
        if duration > options.maxDuration + 0.001 { problems.append("it is \(DeliveryDecision.text(duration)) long") }
        if bytes > options.maxBytes { problems.append("it has \(bytes) bytes") }
        if MP4Boxes.isFastStart(fileAt: path) != true { problems.append("moov does not stand before mdat") }
        if !problems.isEmpty {
            throw MediaError("checking the delivery", text: problems.joined(separator: "; "), file: path)
        }
        return Facts(duration: (duration * 1e6).rounded() / 1e6, bytes: bytes)
    }
}
