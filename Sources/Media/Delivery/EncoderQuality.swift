import Foundation
import PipelineKit

/// How many bits an attempt may spend on the picture.
package enum EncoderQuality: Sendable, Hashable {
    /// Constant quality under a ceiling: the options' `crf` and `maxrate`.
    case constant
    /// An average rate, held tightly: what is left for the picture under a size ceiling.
    case average(Int64)

    /// Rate factor of pictures that stand between copied ones.
    fileprivate static let jointFactor = 16.0

    /// Presets that are for speed alone: they are left as they are.
    private static let quickPresets: Set<String> = ["ultrafast", "superfast", "veryfast"]
    /// How the other presets are tuned: likeness to the footage for each bit, and little memory. `Benchmarks/quality`
    /// measures each step.
    private static let tuning = [
        // At 1080×1920 every picture of the lookahead takes 6.6 MB.
        "rc-lookahead=10",
        // Fixed rounding spends fewer bits than a trellis does for the same likeness, in less time.
        "trellis=0", "deadzone-inter=14", "deadzone-intra=9",
        // More for dark and flat areas, where the next encoder would show blocks.
        "aq-mode=3", "aq-strength=0.8",
        // What x264 gives chroma by itself when psy is on, and one more.
        "chroma-qp-offset=-3",
    ]

    /// Reference frames that x264's presets ask for, where these may exceed a level.
    private static let referenceFrames = ["slow": 5, "slower": 8, "veryslow": 16, "placebo": 16]

    /// What the encoder is told.
    package func picture(decision: DeliveryDecision, options: DeliveryOptions) -> Encoder.Picture {
        var picture = Encoder.Picture(
            codec: "libx264", width: decision.width, height: decision.height, pixelFormat: "yuv420p",
            frameRate: decision.frameRate)
        let framesPerSecond = decision.frameRate.value ?? 30
        let interval = Int((DeliverySpec.keyFrameInterval * framesPerSecond).rounded(.down))
        picture.keyFrameInterval = interval
        picture.colour = DeliverySpec.colour
        picture.settings = [
            "preset": options.preset, "profile": "high", "level": decision.level.name,
            "x264-params": Self.parameters(preset: options.preset, interval: interval), "forced-idr": "1",
        ]
        let allowed = decision.level.referenceFrames(width: decision.width, height: decision.height)
        if let wanted = Self.referenceFrames[options.preset], wanted > allowed {
            picture.settings["refs"] = "\(allowed)"
        }
        switch self {
        case .constant:
            picture.settings["crf"] = "\(options.crf)"
            picture.maximumRate = options.maxrate
            picture.bufferSize = options.maxrate * 5 / 4
        case .average(let rate):
            picture.bitRate = rate
            picture.maximumRate = rate
            picture.bufferSize = rate
        }
        return picture
    }
}

extension EncoderQuality {
    /// What x264 is told beyond its preset.
    fileprivate static func parameters(preset: String, interval: Int) -> String {
        // What the service encodes again should be close to the footage, not look sharper than it: no psy.
        var parameters = ["open-gop=0", "min-keyint=\(max(1, interval / 2))", "psy=0"]
        if !quickPresets.contains(preset) { parameters += tuning }
        return parameters.joined(separator: ":")
    }
}

extension Encoder.Picture {
    /// What the encoder of the pictures around a cut is told: like the footage, at a quality that does not show the joint.
    init(joining track: VideoTrack, decision: DeliveryDecision, options: DeliveryOptions) {
        self = EncoderQuality.constant.picture(decision: decision, options: options)
        settings["profile"] = ["Main": "main", "High": "high"][track.profile ?? ""] ?? "baseline"
        if let level = track.level { settings["level"] = String(format: "%.1f", Double(level) / 10) }
        settings["crf"] = "\(min(options.crf, EncoderQuality.jointFactor))"
        if settings["profile"] == "baseline" { settings["x264-params", default: ""] += ":bframes=0" }
        maximumRate = options.maxrate * 3 / 2
        bufferSize = options.maxrate * 2
    }
}

/// Keeps a delivery below a number of bytes, by fewer bits for the picture when the first attempt is too large.
package struct SizeCeiling: Sendable, Hashable {
    /// Bytes that the file may have.
    package var limit: Int64
    /// Length of the delivery in seconds.
    package var duration: Double
    /// Bits per second of the sound.
    package var audioBitrate: Int64

    /// A ceiling.
    package init(limit: Int64, duration: Double, audioBitrate: Int64) {
        self.limit = limit
        self.duration = max(duration, 0.04)
        self.audioBitrate = audioBitrate
    }

    /// Share of the ceiling that is planned for: the container and the encoder's wobble take the rest.
    private static let share = 0.97
    /// Below this many bits for a pixel the picture is no longer worth sending.
    private static let leastBitsPerPixel = 0.004

    /// What to try after `attempts` files were too large.
    /// - Returns: Nil when nothing watchable would fit.
    package func quality(attempts: Int, width: Int, height: Int, framesPerSecond: Double) -> EncoderQuality? {
        guard attempts > 0 else { return .constant }
        let total = Double(limit) * 8 * Self.share / duration
        let rate = (total - Double(audioBitrate)) * pow(0.85, Double(attempts - 1))
        guard rate >= Double(width * height) * framesPerSecond * Self.leastBitsPerPixel else { return nil }
        return .average(Int64(rate))
    }
}
