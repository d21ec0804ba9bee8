import Foundation
import PipelineFile
import PipelineKit

/// Rules about avoidable loss of frame area, duration, time or bytes.
enum PictureRules {
    static let all = [
        cropLosesPicture, footageCut, expensivePreset, bulkyPreset, lowQuality, alwaysEncodes, noDestination,
    ]

    /// The share of a frame that remains after cropping to `aspect`, such as `9:16`; nil if `aspect` is not a ratio.
    static func share(of width: Int, by height: Int, croppedTo aspect: String) -> Double? {
        let sides = aspect.split(separator: ":").compactMap { Double($0) }
        guard sides.count == 2, sides[0] > 0, sides[1] > 0, width > 0, height > 0 else { return nil }
        let ratio = (Double(width) / Double(height)) / (sides[0] / sides[1])
        return min(ratio, 1 / ratio)
    }

    static let cropLosesPicture = LintRule(
        code: "crop-loses-picture", "Cropping removes more than half of the frame."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.name == "transcode", step.value("fit") == "crop", step.option("focus") == nil,
                let aspect = step.value("aspect")?.stringValue
            else { return nil }
            let losses = subject.footage.compactMap { asset, media -> (name: String, share: Double)? in
                guard let track = media.videoTrack,
                    let share = share(of: track.displayWidth, by: track.displayHeight, croppedTo: aspect), share < 0.5
                else { return nil }
                return (asset, share)
            }
            guard let worst = losses.min(by: { $0.share < $1.share }) else { return nil }
            return LintAdvice(
                "cropping to \(aspect) keeps \(Int((worst.share * 100).rounded())) % of the frame of "
                    + FootageWords.list([worst.name] + losses.map(\.name).filter { $0 != worst.name }),
                hint:
                    "show the whole frame with \"fit\": \"blur\" or \"pad\", or set \"focus\" to the part to keep, such as \"left\" or \"center\"",
                at: step.location("fit"), pointer: "\(step.pointer)/with/fit",
                asset: losses.count == 1 ? worst.name : nil)
        }
    }

    static let footageCut = LintRule(
        code: "footage-cut", "Footage is cut to a default length that the file does not mention."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.name == "transcode",
                ["maxDuration", "overlong", "trim"].allSatisfy({ step.option($0) == nil }),
                let text = step.value("maxDuration"), let most = try? Duration.parse(text)
            else { return nil }
            // Tolerate half a second.
            let long = subject.footage(before: step).map { ($0.asset, length(of: $0.media)) }.filter {
                $0.1 > most.inSeconds + 0.5
            }
            guard let longest = long.max(by: { $0.1 < $1.1 }) else { return nil }
            var names = [longest.0]
            // Several parts of one asset may be too long: name it once.
            for (asset, _) in long where !names.contains(asset) { names.append(asset) }
            return LintAdvice(
                "everything after \(most.spoken) is cut from \(FootageWords.list(names)), up to \(Duration.seconds(longest.1.rounded()).spoken) long",
                hint:
                    "set \"maxDuration\", or choose a part with \"trim\"; \"overlong\": \"error\" rejects such footage",
                at: step.stage.location, pointer: step.pointer, asset: names.count == 1 ? longest.0 : nil)
        }
    }

    /// The duration in seconds of the footage, or of its part.
    private static func length(of media: ProbedMedia) -> Double {
        media.part.map { $0.end - $0.start } ?? media.duration
    }

    static let expensivePreset = LintRule(
        code: "expensive-preset", "A slow preset is wasted on a file that TikTok encodes again."
    ) { subject in
        preset(subject, ["slower", "veryslow", "placebo"]) { preset, _ in
            (
                "preset \"\(preset)\" takes several times as long, and TikTok encodes the file again",
                "remove it to use \"fast\", or use \"medium\" if uploading takes longer than encoding"
            )
        }
    }

    static let bulkyPreset = LintRule(
        code: "bulky-preset", "An uploaded file is about three times as large as necessary."
    ) { subject in
        guard subject.isPosting else { return [] }
        return preset(subject, ["ultrafast"]) { preset, _ in
            (
                "preset \"\(preset)\" makes the uploaded files about three times as large at the same quality",
                "use \"veryfast\" or \"fast\""
            )
        }
    }

    private static func preset(
        _ subject: LintSubject, _ names: [String], _ words: (String, LintSubject.Step) -> (String, String)
    ) -> [LintAdvice] {
        subject.steps(named: "transcode").compactMap { step in
            guard let preset = step.option("preset"), let name = step.value("preset")?.stringValue,
                names.contains(name)
            else { return nil }
            let (message, hint) = words(name, step)
            return LintAdvice(
                message, hint: hint, at: preset.value.location, pointer: "\(step.pointer)/with/preset")
        }
    }

    static let lowQuality = LintRule(
        code: "low-quality", "A rate factor with visible losses, before TikTok encodes again."
    ) { subject in
        subject.steps(named: "transcode").compactMap { step in
            guard let crf = step.option("crf"), let value = step.value("crf")?.doubleValue, value >= 28 else {
                return nil
            }
            return LintAdvice(
                "crf \(value.formatted(.number.locale(.init(identifier: "en")))) causes visible blocks, and TikTok encodes the file again",
                hint: "remove it to use 19; \"maxSize\" and \"maxrate\" keep files small", at: crf.value.location,
                pointer: "\(step.pointer)/with/crf")
        }
    }

    static let alwaysEncodes = LintRule(
        code: "always-encodes", "Only copies are allowed, but a stage draws on the video, which requires encoding."
    ) { subject in
        subject.steps(named: "transcode").compactMap { step in
            // Missing subtitles draw nothing unless they are required.
            guard step.value("passthrough") == "require",
                let drawing = subject.steps[..<step.index].first(where: {
                    $0.name == "overlay" || $0.name == "subtitles"
                })
            else { return nil }
            return LintAdvice(
                "\"passthrough\": \"require\" rejects everything that `\(drawing.stage.id)` draws on, as drawing requires encoding",
                hint: "remove \"passthrough\", or the stage", at: step.location("passthrough"),
                pointer: "\(step.pointer)/with/passthrough")
        }
    }

    static let noDestination = LintRule(
        code: "no-destination", "No stage moves the result out of the run's work folder."
    ) { subject in
        // A pure stage may also write an image for the user.
        let writes = subject.steps.contains { step in
            step.stage.type.effect != .pure || ["directory", "save"].contains { step.value($0)?.stringValue != nil }
        }
        guard let last = subject.steps.last, !writes else { return [] }
        return [
            LintAdvice(
                "no stage exports or posts the result: it stays in the run's work folder",
                hint: last.stage.type.output == PreparedVideo.kind
                    ? "add { \"uses\": \"export\", \"with\": { \"directory\": \"out\" } }, or chunk, upload and publish"
                    : "add the stages that make, export or post a video", at: last.stage.location,
                pointer: last.pointer)
        ]
    }
}
