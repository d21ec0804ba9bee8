import Foundation
import PipelineKit

/// The part of the footage that is requested, before it is aligned to frames.
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
    var change: String?
    /// Share of the requested part that the file claims but does not contain, 0 … 1.
    var missingShare = 0.0

    /// Whether part of the footage is left out.
    var isCut: Bool { change != nil && speed == 1 }

    /// - Throws: `StageError` if the trim starts after the footage ends, or the footage is too long for `overlong`.
    init(of whole: FootageTimeline, media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        let timeline = try whole.part(media.part, options: options, name: media.source.displayPath)
        let available = timeline.end - timeline.start
        guard options.trimStart < max(available, 0.001) else {
            throw StageError(
                .unusableFootage,
                "trim starts at \(options.trimStart.secondsText), but \(media.source.displayPath) is only "
                    + "\(available.secondsText) long", hint: "start the trim earlier")
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
            speed = try Self.speed(playing: present, of: media, options: options)
        }
        if speed != 1 {
            change = String(
                format: "it is played %.2f times faster to last %.0f s instead of %.2f s", speed, options.maxDuration,
                present)
        } else if let part = media.part {
            change =
                "it is part \(part.number) of \(part.count), \(length.secondsText) long, "
                + "starting at \((start - whole.start).secondsText)"
        } else if available - options.trimStart > allowed + 0.001 || options.trimStart > 0 {
            change =
                "it is cut from \(available.secondsText) to \(length.secondsText)"
                + (options.trimStart > 0 ? ", starting at \(options.trimStart.secondsText)" : "")
        }
    }

    /// The playback speed for footage that is longer than `maxDuration`; 1 if its end is cut off instead.
    /// - Parameter length: The requested seconds of footage.
    private static func speed(
        playing length: Double, of media: ProbedMedia, options: DeliveryOptions
    ) throws(StageError) -> Double {
        let name = media.source.displayPath
        switch options.overlong {
        case .trim: return 1
        case .error:
            throw StageError(
                .unusableFootage,
                "\(name) is \(length.secondsText) long, more than the allowed \(options.maxDuration.secondsText)",
                hint: "set overlong to trim or speed, set trim, or raise maxDuration")
        case .speed:
            let speed = length / options.maxDuration
            guard speed <= DeliveryDecision.highestSpeed else {
                throw StageError(
                    .unusableFootage,
                    "\(name) is \(length.secondsText) long: to fit \(options.maxDuration.secondsText) it would have to "
                        + String(format: "be played %.1f times faster, but at most 2 times is allowed", speed),
                    hint: "set trim, set overlong to trim, or raise maxDuration")
            }
            return speed
        }
    }
}
