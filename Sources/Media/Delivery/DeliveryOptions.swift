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

    /// The defaults.
    package init() {}
}
