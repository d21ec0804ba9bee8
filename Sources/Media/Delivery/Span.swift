import Foundation
import PipelineKit

/// Where picture and sound lie in the footage's own time.
struct Timeline {
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

extension Timeline {
    /// A part's times come from frames of the footage, whose own times some containers round to milliseconds.
    private static let rounding = 0.0015

    /// The piece of it that a part is; all of it when the footage was not split.
    /// - Throws: `StageError` when footage that was split is to be trimmed as well.
    func part(_ part: FootagePart?, options: DeliveryOptions, name: String) throws(StageError) -> Timeline {
        guard let part else { return self }
        guard options.trimStart == 0, options.trimEnd == nil else {
            throw StageError(
                .invalidOption, "trim is for footage as a whole, and this is part \(part.number) of \(name)",
                hint: "remove trim or split")
        }
        var piece = self
        piece.start = min(max(start, part.start), end)
        piece.end = max(piece.start, min(end, part.end + Self.rounding))
        return piece
    }
}

/// The part of the footage that is delivered.
struct Span {
    /// Where it starts, in the footage's own time, in seconds.
    var start: Double
    /// Length of the delivery in seconds, as far as it can be told.
    var length: Double
    /// Length that the delivery may have at most; infinite without a limit.
    var allowed: Double
    /// How many times faster it is played.
    var speed = 1.0
    /// What is cut or changed, as a clause; nil when all of the footage is delivered as it is.
    var cut: String?

    /// Share of the wanted part that the file claims and does not hold.
    var missingShare = 0.0

    /// Whether something of the footage is left out.
    var isCut: Bool { cut != nil && speed == 1 }

    /// - Throws: `StageError` when the trim lies outside of the footage, or the footage is too long and may not be cut.
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
        // Headers may tell a length that is a little short: only a part that another one follows ends for certain.
        let isFollowed = media.part.map { $0.number < $0.count } ?? false
        let wanted = (options.trimEnd ?? (isFollowed ? available : .infinity)) - options.trimStart
        let present = min(available - options.trimStart, wanted)
        allowed = min(options.maxDuration, wanted)
        length = min(present, allowed)
        let promised = min(available + (media.missingSeconds ?? 0) - options.trimStart, allowed)
        missingShare = promised > 0 ? max(0, 1 - length / promised) : 0
        // Frames may leave no choice but to make a part longer by one of them, which is cut off.
        if present > options.maxDuration + (media.part == nil ? 0.001 : 0.06) {
            switch options.overlong {
            case .trim: break
            case .error:
                throw StageError(
                    .unusableFootage,
                    "\(name) is \(DeliveryDecision.text(present)) long, longer than the allowed "
                        + "\(DeliveryDecision.text(options.maxDuration))",
                    hint: "set overlong to trim or speed, trim it, or raise maxDuration")
            case .speed:
                speed = present / options.maxDuration
                guard speed <= DeliveryDecision.highestSpeed else {
                    throw StageError(
                        .unusableFootage,
                        "\(name) is \(DeliveryDecision.text(present)) long: to fit "
                            + "\(DeliveryDecision.text(options.maxDuration)) it would have to be played "
                            + String(format: "%.1f times faster, more than twice", speed),
                        hint: "trim it, set overlong to trim, or raise maxDuration")
                }
                cut = String(
                    format: "it is played %.2f times faster, to last %.0f s instead of %.2f s", speed,
                    options.maxDuration, present)
                return
            }
        }
        if let part = media.part {
            cut =
                "it is part \(part.number) of \(part.count), \(DeliveryDecision.text(length)) long, "
                + "from \(DeliveryDecision.text(start - origin)) on"
            return
        }
        if available - options.trimStart > allowed + 0.001 || options.trimStart > 0 {
            cut =
                "it is cut from \(DeliveryDecision.text(available)) to \(DeliveryDecision.text(length))"
                + (options.trimStart > 0 ? ", starting at \(DeliveryDecision.text(options.trimStart))" : "")
        }
    }
}
