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
    private static let quickPresets: Set<DeliveryOptions.Preset> = [.ultrafast, .superfast, .veryfast]
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
    private static let referenceFrames: [DeliveryOptions.Preset: Int] = [
        .slow: 5, .slower: 8, .veryslow: 16, .placebo: 16,
    ]

    /// Settings of the video encoder for this attempt.
    package func videoSettings(decision: DeliveryDecision, options: DeliveryOptions) -> Encoder.VideoSettings {
        var settings = Encoder.VideoSettings(
            codec: "libx264", width: decision.format.width, height: decision.format.height, pixelFormat: "yuv420p",
            frameRate: decision.format.frameRate)
        let framesPerSecond = decision.format.framesPerSecond
        let interval = Int((DeliverySpec.keyFrameInterval * framesPerSecond).rounded(.down))
        settings.keyFrameInterval = interval
        settings.colour = DeliverySpec.colour
        settings.codecOptions = [
            "preset": options.preset.rawValue, "profile": "high", "level": decision.format.level.name,
            "x264-params": Self.parameters(preset: options.preset, interval: interval), "forced-idr": "1",
        ]
        let allowed = decision.format.level.referenceFrames(
            width: decision.format.width, height: decision.format.height)
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
    fileprivate static func parameters(preset: DeliveryOptions.Preset, interval: Int) -> String {
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
