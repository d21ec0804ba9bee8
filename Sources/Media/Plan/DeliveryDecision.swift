import Foundation
package import PipelineKit

/// All decisions about a delivery, made before work starts, so that `run` does what `plan` shows.
package struct DeliveryDecision: Sendable, Hashable {
    /// How the delivery's video is produced.
    package enum VideoHandling: Sendable, Hashable {
        /// All packets are copied.
        case copy
        /// Packets are copied, except for frames around the cuts, which are encoded.
        case smartcut(CutPlan)
        /// All frames are decoded and encoded.
        case encode
    }

    /// How the delivery's audio is produced.
    package enum AudioHandling: String, Sendable, Hashable {
        case copy
        case encode
        /// No audio track is used: a silent one is added.
        case silence
    }

    /// Size and rate of the delivered frames.
    package struct Format: Sendable, Hashable {
        /// Width in pixels.
        package var width: Int
        /// Height in pixels.
        package var height: Int
        /// Constant frame rate.
        package var frameRate: Rational

        /// The frame rate as a number; 30 if it is unknown.
        package var framesPerSecond: Double { frameRate.value ?? 30 }
        /// The lowest allowed H.264 level.
        package var level: H264Level {
            DeliverySpec.level(width: width, height: height, frameRate: framesPerSecond) ?? H264Level.allowed[1]
        }
    }

    /// The part of the footage that is delivered.
    package struct Excerpt: Sendable, Hashable {
        /// Where the delivery starts, in seconds of the footage's timeline.
        package var start: Double
        /// Expected duration of the delivery in seconds.
        package var duration: Double
        /// Playback speed relative to the footage; 1 is unchanged.
        package var speed: Double
        /// The most frames that the delivery may have.
        package var frameLimit: Int
        /// Share of the requested part that the file claims but does not contain, 0 … 1.
        package var missingShare: Double
    }

    package var video: VideoHandling
    package var audio = AudioHandling.silence
    package var format: Format
    package var excerpt: Excerpt
    /// Why the video is handled this way, one clause each.
    package var videoReasons: [String] = []
    /// Why the audio is handled this way, one clause each.
    package var audioReasons: [String] = []
    /// Problems that the user should know of.
    package var warnings: [String] = []
    /// The deinterlacing filter; nil if none is needed.
    package var deinterlacer: String?
    /// Index of the audio stream; nil if none is used.
    package var audioStream: Int?
    /// Metadata tags that the delivery keeps.
    package var tags: [String: String] = [:]
    /// Expected size in bytes.
    package var estimatedBytes: Int64 = 0

    /// How long the last frame may be held while the audio continues, in seconds.
    package static let longestHold = 3.0
    /// How long the first frame may be shown early because the audio starts before it, in seconds.
    package static let longestLead = 1.0
    /// The highest playback speed that `overlong: speed` may choose.
    package static let highestSpeed = 2.0

    /// Decides how to deliver `media`.
    /// - Throws: `StageError` if the footage can't be delivered with these options.
    package init(for media: ProbedMedia, options: DeliveryOptions) throws(StageError) {
        self = try DeliveryPlanner(media: media, options: options).decision()
    }

    init(video: VideoHandling, format: Format, excerpt: Excerpt) {
        self.video = video
        self.format = format
        self.excerpt = excerpt
    }

    /// Switches the audio from copying to encoding.
    /// - Parameter reason: Why, as a clause, such as its measured loudness.
    mutating func encodeAudio(because reason: String) {
        audio = .encode
        audioReasons = ["the audio is encoded: \(reason)"]
    }
}

extension DeliveryDecision {
    /// The strategy that the delivery's description names.
    package var strategy: DeliveryStrategy {
        switch video {
        case .copy: .copy
        case .smartcut: .smartcut
        case .encode: .encode
        }
    }

    /// The plan of a smart cut; nil for other deliveries.
    package var cut: CutPlan? { if case .smartcut(let plan) = video { plan } else { nil } }

    /// All reasons, one clause each, those for the video first.
    package var reasons: [String] { videoReasons + audioReasons }

    /// What the delivery does, in one line for the plan.
    package var summary: String {
        let length = Duration.spoken(seconds: excerpt.duration)
        let rate = String(format: "%.4g", format.framesPerSecond)
        let video =
            switch video {
            case .copy: "copy the video"
            case .smartcut(let plan): "cut the video to \(length), \(plan.encoded) of \(plan.count) frames encoded"
            case .encode:
                "encode \(format.width)×\(format.height), \(rate) fps, \(length), about \(ByteCount(estimatedBytes))"
            }
        let audio =
            switch audio {
            case .copy: "copy the audio"
            case .encode: "encode the audio"
            case .silence: "add silence"
            }
        return video + "; " + audio
    }

    /// A loudness for messages, such as `-14.0 LUFS`.
    static func loudness(_ level: Double) -> String { String(format: "%.1f LUFS", level) }
}
