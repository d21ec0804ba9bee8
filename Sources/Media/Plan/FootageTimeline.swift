import Foundation
import PipelineKit

/// The range that the footage's video and audio cover, in seconds of its own timeline.
struct FootageTimeline {
    var start: Double
    var end: Double
    var warnings: [String] = []

    init(track: VideoTrack, audio: AudioTrack?, media: ProbedMedia) {
        let videoStart = track.startTime ?? media.startTime
        start = videoStart
        end = videoStart + (track.duration ?? media.duration)
        guard let audio, let audioStart = audio.startTime else { return }
        let lead = videoStart - audioStart
        if lead > DeliveryDecision.longestLead {
            warnings.append(
                "the audio before the first frame, \(lead.secondsText), is dropped")
        } else {
            start = min(videoStart, audioStart)
        }
        if let length = audio.duration {
            let audioEnd = audioStart + length
            if audioEnd - end > DeliveryDecision.longestHold {
                warnings.append(
                    "the audio continues \((audioEnd - end).secondsText) after the last frame and is cut")
            } else if audioEnd > end {
                end = audioEnd
            }
        }
    }
}

extension FootageTimeline {
    /// Tolerance in seconds: the times of parts come from frames, and some containers round those to milliseconds.
    private static let rounding = 0.0015

    /// The timeline of one part; the whole timeline if the footage was not split.
    /// - Throws: `StageError` if the options trim footage that was split.
    func part(_ part: FootagePart?, options: DeliveryOptions, name: String) throws(StageError) -> FootageTimeline {
        guard let part else { return self }
        guard options.trimStart == 0, options.trimEnd == nil else {
            throw StageError(
                .invalidOption, "trim applies only to whole footage, but this is part \(part.number) of \(name)",
                hint: "remove trim or split")
        }
        var piece = self
        piece.start = min(max(start, part.start), end)
        piece.end = max(piece.start, min(end, part.end + Self.rounding))
        return piece
    }
}
