import Foundation
import PipelineKit

/// Rate control of the video encoder for one attempt at a delivery.
package enum EncoderQuality: Sendable, Hashable {
    /// Constant quality under a rate ceiling: `crf` and `maxrate` of the options.
    case constant
    /// A tightly held average rate in bits per second: what a size ceiling leaves for the video.
    case average(Int64)

    /// The highest CRF of frames that are encoded next to copied ones.
    fileprivate static let jointFactor = 16.0

    /// Presets that are chosen for speed: they are used without the tuning.
    private static let quickPresets: Set<String> = ["ultrafast", "superfast", "veryfast"]
    /// x264 parameters for all other presets: more similarity to the footage per bit, and little memory.
    /// `Benchmarks/quality` measures each of them.
    private static let tuning = [
        // At 1080×1920 every frame of the lookahead takes 6.6 MB.
        "rc-lookahead=10",
        // Fixed rounding needs fewer bits and less time than trellis quantisation for the same similarity.
        "trellis=0", "deadzone-inter=14", "deadzone-intra=9",
        // More bits for dark and flat areas, which become blocky when the service encodes the video again.
        "aq-mode=3", "aq-strength=0.8",
        // The offset that x264 applies to chroma if psy is on, and one more.
        "chroma-qp-offset=-3",
    ]

    /// Reference frames of those x264 presets that may exceed a level.
    private static let referenceFrames = ["slow": 5, "slower": 8, "veryslow": 16, "placebo": 16]

    /// Settings of the video encoder for this attempt.
    package func videoSettings(decision: DeliveryDecision, options: DeliveryOptions) -> Encoder.VideoSettings {
        var settings = Encoder.VideoSettings(
            codec: "libx264", width: decision.width, height: decision.height, pixelFormat: "yuv420p",
            frameRate: decision.frameRate)
        let framesPerSecond = decision.frameRate.value ?? 30
        let interval = Int((DeliverySpec.keyFrameInterval * framesPerSecond).rounded(.down))
        settings.keyFrameInterval = interval
        settings.colour = DeliverySpec.colour
        settings.codecOptions = [
            "preset": options.preset, "profile": "high", "level": decision.level.name,
            "x264-params": Self.parameters(preset: options.preset, interval: interval), "forced-idr": "1",
        ]
        let allowed = decision.level.referenceFrames(width: decision.width, height: decision.height)
        if let wanted = Self.referenceFrames[options.preset], wanted > allowed {
            settings.codecOptions["refs"] = "\(allowed)"
        }
        switch self {
        case .constant:
            settings.codecOptions["crf"] = "\(options.crf)"
            settings.maximumRate = options.maxrate
            settings.bufferSize = options.maxrate * 5 / 4
        case .average(let rate):
            settings.bitRate = rate
            settings.maximumRate = rate
            settings.bufferSize = rate
        }
        return settings
    }
}

extension EncoderQuality {
    /// x264 parameters that are set on top of the preset.
    fileprivate static func parameters(preset: String, interval: Int) -> String {
        // The service encodes the video again, so it should be close to the footage. Psy optimisations make it look
        // sharper instead.
        var parameters = ["open-gop=0", "min-keyint=\(max(1, interval / 2))", "psy=0"]
        if !quickPresets.contains(preset) { parameters += tuning }
        return parameters.joined(separator: ":")
    }
}

extension Encoder.VideoSettings {
    /// Settings for encoding the frames around a cut: compatible with the footage, at a quality that hides the joint.
    init(joining track: VideoTrack, decision: DeliveryDecision, options: DeliveryOptions) {
        self = EncoderQuality.constant.videoSettings(decision: decision, options: options)
        codecOptions["profile"] = ["Main": "main", "High": "high"][track.profile ?? ""] ?? "baseline"
        if let level = track.level { codecOptions["level"] = String(format: "%.1f", Double(level) / 10) }
        codecOptions["crf"] = "\(min(options.crf, EncoderQuality.jointFactor))"
        if codecOptions["profile"] == "baseline" { codecOptions["x264-params", default: ""] += ":bframes=0" }
        maximumRate = options.maxrate * 3 / 2
        bufferSize = options.maxrate * 2
    }
}

/// Keeps a delivery below a file size, by lowering the video bit rate if the first attempt is too large.
package struct SizeCeiling: Sendable, Hashable {
    /// Largest allowed file size in bytes.
    package var limit: Int64
    /// Duration of the delivery in seconds.
    package var duration: Double
    /// Audio bit rate in bits per second.
    package var audioBitrate: Int64

    package init(limit: Int64, duration: Double, audioBitrate: Int64) {
        self.limit = limit
        self.duration = max(duration, 0.04)
        self.audioBitrate = audioBitrate
    }

    /// Percentage of the limit that is planned for; the container and the encoder's variation take the rest.
    private static let share = 0.97
    /// Below this many bits per pixel the video is not worth delivering.
    private static let leastBitsPerPixel = 0.004

    /// The rate control to try after `attempts` files were too large.
    /// - Returns: Nil if nothing watchable would fit.
    package func quality(attempts: Int, width: Int, height: Int, framesPerSecond: Double) -> EncoderQuality? {
        guard attempts > 0 else { return .constant }
        let total = Double(limit) * 8 * Self.share / duration
        let rate = (total - Double(audioBitrate)) * pow(0.85, Double(attempts - 1))
        guard rate >= Double(width * height) * framesPerSecond * Self.leastBitsPerPixel else { return nil }
        return .average(Int64(rate))
    }
}
