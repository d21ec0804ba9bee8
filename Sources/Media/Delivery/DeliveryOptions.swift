package import PipelineKit

/// What the user wants of a delivery, free of how a pipeline file writes it.
package struct DeliveryOptions: Sendable, Hashable {
    /// Shape of the delivery.
    package enum Aspect: Sendable, Hashable {
        /// Width to height.
        case ratio(Int, Int)
        /// As the footage.
        case source
    }

    /// What happens to a picture of another shape.
    package enum Fit: String, Sendable, Hashable, CaseIterable {
        /// Cut off what sticks out.
        case crop
        /// Show all of it, with bars.
        case pad
        /// Show all of it, over a blurred copy.
        case blur
    }

    /// A place in the picture, in shares of its width and height.
    package struct Focus: Sendable, Hashable {
        /// 0 is left, 1 right.
        package var x: Double
        /// 0 is top, 1 bottom.
        package var y: Double
        /// The middle.
        package static let center = Focus(x: 0.5, y: 0.5)

        /// A place.
        package init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// Size of the delivery.
    package enum Size: Sendable, Hashable {
        /// The largest usual size that the footage fills without being enlarged much.
        case auto
        /// As many pixels as the footage has.
        case source
        /// Exactly this.
        case exact(width: Int, height: Int)
    }

    /// Whether footage that already meets the spec is copied.
    package enum Passthrough: String, Sendable, Hashable, CaseIterable {
        /// When it can be.
        case auto
        /// Never: always encode.
        case never
        /// Always: refuse what can't be copied.
        case require
    }

    /// What happens to footage that is too long.
    package enum Overlong: String, Sendable, Hashable {
        /// Cut off at the end.
        case trim
        /// Refused.
        case error
        /// Played faster, pitch kept.
        case speed
    }

    /// Which sound track is delivered.
    package enum SoundTrack: Sendable, Hashable {
        /// The footage's default, as probed.
        case auto
        /// None: silence.
        case none
        /// By number among the sound tracks, from 0.
        case number(Int)
        /// By language tag.
        case language(String)
    }

    /// Whether fields are taken apart.
    package enum Deinterlacing: String, Sendable, Hashable {
        /// As measured by the probe.
        case auto
        case always
        case never
    }

    /// Shape of the delivery.
    package var aspect = Aspect.ratio(9, 16)
    /// What happens to a picture of another shape.
    package var fit = Fit.crop
    /// Which part of the picture cropping keeps.
    package var focus = Focus.center
    /// Colour of bars, as FFmpeg names colours or `0xRRGGBB`.
    package var background = "black"
    /// Size of the delivery.
    package var size = Size.auto
    /// Longest allowed length in seconds.
    package var maxDuration = 60.0
    /// Largest allowed file.
    package var maxBytes: Int64 = 1_000_000_000
    /// Where to start in the footage, in seconds from its first frame.
    package var trimStart = 0.0
    /// Where to end, in seconds from its first frame; nil for its end.
    package var trimEnd: Double?
    /// x264's preset.
    package var preset = "fast"
    /// x264's constant rate factor.
    package var crf = 19.0
    /// Highest bit rate of the picture.
    package var maxrate: Int64 = 9_500_000
    /// Bit rate of the sound.
    package var audioBitrate: Int64 = 192_000
    /// Frames per second; nil to choose by the footage.
    package var frameRate: Rational?
    /// Whether footage that already meets the spec is copied.
    package var passthrough = Passthrough.auto
    /// What happens to footage longer than `maxDuration`.
    package var overlong = Overlong.trim
    /// Integrated loudness in LUFS; nil leaves it alone.
    package var loudness: Double?
    /// True peak that loudness may reach, in dBTP.
    package var truePeak = -1.0
    /// Which sound track is delivered.
    package var soundTrack = SoundTrack.auto
    /// Whether fields are taken apart.
    package var deinterlacing = Deinterlacing.auto
    /// Whether harmless tags are kept.
    package var keepsMetadata = false
    /// Share of the picture that may be lost before the footage is refused, 0 … 1.
    package var maxDamage = 1.0

    /// The defaults.
    package init() {}
}
