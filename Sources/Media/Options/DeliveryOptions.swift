package import PipelineKit

/// What the user requests for a delivery, independent of the syntax of pipeline files.
package struct DeliveryOptions: Sendable, Hashable {
    /// Aspect ratio of the delivery.
    package enum AspectRatio: Sendable, Hashable {
        /// Width to height, such as 9 to 16.
        case ratio(Int, Int)
        /// The footage's own ratio, within limits.
        case source
    }

    /// How footage with another aspect ratio is fitted into the delivery.
    package enum Fit: String, Sendable, Hashable, CaseIterable {
        /// Fill the frame and cut off the rest.
        case crop
        /// Show the whole frame, with bars.
        case pad
        /// Show the whole frame over a blurred copy of it.
        case blur
    }

    /// A point in the frame, as shares of its width and height.
    package struct Focus: Sendable, Hashable {
        /// 0 is left, 1 right.
        package var x: Double
        /// 0 is top, 1 bottom.
        package var y: Double
        package static let center = Focus(x: 0.5, y: 0.5)

        package init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// Frame size of the delivery.
    package enum FrameSize: Sendable, Hashable {
        /// The largest common size that the footage fills without much enlargement.
        case auto
        /// The footage's own pixels, unscaled if the delivery spec allows it.
        case source
        /// This size in pixels, or an error.
        case exact(width: Int, height: Int)
    }

    /// Whether footage that already meets the spec is copied.
    package enum Passthrough: String, Sendable, Hashable, CaseIterable {
        /// Copy whenever possible.
        case auto
        /// Always encode the footage.
        case never
        /// Refuse footage that can't be copied.
        case require
    }

    /// How footage longer than `maxDuration` is handled.
    package enum Overlong: String, Sendable, Hashable, CaseIterable {
        /// The end is cut off.
        case trim
        /// The footage is refused.
        case error
        /// The footage is played up to twice as fast, at the same pitch.
        case speed
    }

    /// Which audio track is delivered.
    package enum AudioTrackChoice: Sendable, Hashable {
        /// The footage's default track, as probed.
        case auto
        /// No track: the delivery is silent.
        case none
        /// By index among the audio tracks, from 0.
        case number(Int)
        /// The best track in this language, an ISO 639 code.
        case language(String)
    }

    /// Whether footage is deinterlaced.
    package enum Deinterlacing: String, Sendable, Hashable, CaseIterable {
        /// If the probe found the frames to be interlaced: the stream's flag alone is not trusted.
        case auto
        case always
        case never
    }

    /// x264 presets, from the fastest encode to the smallest file.
    package enum Preset: String, Sendable, Hashable, CaseIterable {
        case ultrafast
        case superfast
        case veryfast
        case faster
        /// The default: TikTok encodes every upload again anyway.
        case fast
        case medium
        case slow
        case slower
        case veryslow
        case placebo
    }

    package var aspect = AspectRatio.ratio(9, 16)
    package var fit = Fit.crop
    /// The point of the frame that cropping keeps as close to the centre as possible.
    package var focus = Focus.center
    /// Colour of bars, as FFmpeg names colours or `0xRRGGBB`.
    package var background = "black"
    package var size = FrameSize.auto
    /// Longest allowed duration in seconds.
    package var maxDuration = 60.0
    /// Largest allowed file size in bytes.
    package var maxBytes: Int64 = 1_000_000_000
    /// Where to start in the footage, in seconds from its first frame.
    package var trimStart = 0.0
    /// Where to end, in seconds from the footage's first frame; nil for its end.
    package var trimEnd: Double?
    package var preset = Preset.fast
    /// x264's constant rate factor.
    package var crf = 19.0
    /// Highest video bit rate in bits per second.
    package var maxrate: Int64 = 9_500_000
    /// Audio bit rate in bits per second.
    package var audioBitrate: Int64 = 192_000
    /// Frames per second; nil to choose based on the footage.
    package var frameRate: Rational?
    package var passthrough = Passthrough.auto
    package var overlong = Overlong.trim
    /// Target integrated loudness in LUFS; nil leaves the audio unchanged.
    package var loudness: Double?
    /// Highest true peak after normalisation, in dBTP.
    package var truePeak = -1.0
    package var audioTrack = AudioTrackChoice.auto
    package var deinterlacing = Deinterlacing.auto
    /// Whether metadata tags are kept that identify no person, place or device, see `SafeTags`.
    package var keepsMetadata = false
    /// Percentage of the video that may be lost before the footage is refused, 0 … 1.
    package var maxDamage = 1.0

    package init() {}
}
