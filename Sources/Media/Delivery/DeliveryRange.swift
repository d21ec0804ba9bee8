import Foundation
import PipelineKit

/// The range that the footage's video and audio cover, in seconds of its own timeline.
struct Timeline {
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
                "the audio before the first frame, \(DeliveryDecision.text(lead)), is dropped")
        } else {
            start = min(videoStart, audioStart)
        }
        if let length = audio.duration {
            let audioEnd = audioStart + length
            if audioEnd - end > DeliveryDecision.longestHold {
                warnings.append(
                    "the audio continues \(DeliveryDecision.text(audioEnd - end)) after the last frame and is cut")
            } else if audioEnd > end {
                end = audioEnd
            }
        }
    }
}

extension Timeline {
    /// Tolerance in seconds: the times of parts come from frames, and some containers round those to milliseconds.
    private static let rounding = 0.0015

    /// The timeline of one part; the whole timeline if the footage was not split.
    /// - Throws: `StageError` if the options trim footage that was split.
    func part(_ part: FootagePart?, options: DeliveryOptions, name: String) throws(StageError) -> Timeline {
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

/// The part of the footage that is delivered.
struct DeliveryRange {
    /// Where the delivery starts, in seconds of the footage's timeline.
    var start: Double
    /// Expected duration of the delivery in seconds.
    var length: Double
    /// Longest allowed duration in seconds; infinite without a limit.
    var allowed: Double
    /// Playback speed relative to the footage; 1 is unchanged.
    var speed = 1.0
    /// How the footage is cut or sped up, as a clause; nil if all of it is delivered unchanged.
    var cut: String?

    /// Percentage of the requested part that the file claims but does not contain, 0 … 1.
    var missingShare = 0.0

    /// Whether part of the footage is left out.
    var isCut: Bool { cut != nil && speed == 1 }

    /// - Throws: `StageError` if the trim starts after the footage ends, or the footage is too long for `overlong`.
    init(
        _ timeline: Timeline, track: VideoTrack, media: ProbedMedia, options: DeliveryOptions
    ) throws(StageError) {
        let name = media.source.displayPath
        let origin = timeline.start
        let timeline = try timeline.part(media.part, options: options, name: name)
        let available = timeline.end - timeline.start
        guard options.trimStart < max(available, 0.001) else {
            throw StageError(
                .unusableFootage,
                "trim starts at \(DeliveryDecision.text(options.trimStart)), but \(name) is only "
                    + "\(DeliveryDecision.text(available)) long", hint: "start the trim earlier")
        }
        start = timeline.start + options.trimStart
        // The duration in headers may be slightly too short, so only a part that another one follows has a known end.
        let isFollowed = media.part.map { $0.number < $0.count } ?? false
        let wanted = (options.trimEnd ?? (isFollowed ? available : .infinity)) - options.trimStart
        let present = min(available - options.trimStart, wanted)
        allowed = min(options.maxDuration, wanted)
        length = min(present, allowed)
        let promised = min(available + (media.missingSeconds ?? 0) - options.trimStart, allowed)
        missingShare = promised > 0 ? max(0, 1 - length / promised) : 0
        // Aligned to frames, a part may be longer than allowed by one frame, which is cut off.
        if present > options.maxDuration + (media.part == nil ? 0.001 : 0.06) {
            switch options.overlong {
            case .trim: break
            case .error:
                throw StageError(
                    .unusableFootage,
                    "\(name) is \(DeliveryDecision.text(present)) long, more than the allowed "
                        + "\(DeliveryDecision.text(options.maxDuration))",
                    hint: "set overlong to trim or speed, set trim, or raise maxDuration")
            case .speed:
                speed = present / options.maxDuration
                guard speed <= DeliveryDecision.highestSpeed else {
                    throw StageError(
                        .unusableFootage,
                        "\(name) is \(DeliveryDecision.text(present)) long: to fit "
                            + "\(DeliveryDecision.text(options.maxDuration)) it would have to be played "
                            + String(format: "%.1f times faster, but at most 2 times is allowed", speed),
                        hint: "set trim, set overlong to trim, or raise maxDuration")
                }
                cut = String(
                    format: "it is played %.2f times faster to last %.0f s instead of %.2f s", speed,
                    options.maxDuration, present)
                return
            }
        }
        if let part = media.part {
            cut =
                "it is part \(part.number) of \(part.count), \(DeliveryDecision.text(length)) long, "
                + "starting at \(DeliveryDecision.text(start - origin))"
            return
        }
        if available - options.trimStart > allowed + 0.001 || options.trimStart > 0 {
            cut =
                "it is cut from \(DeliveryDecision.text(available)) to \(DeliveryDecision.text(length))"
                + (options.trimStart > 0 ? ", starting at \(DeliveryDecision.text(options.trimStart))" : "")
        }
    }
}
