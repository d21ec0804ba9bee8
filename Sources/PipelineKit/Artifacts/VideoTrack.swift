/// The properties of a video track, read from its headers and packets, and from a few decoded frames.
public struct VideoTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `h264`.
    public var codec: String
    /// The codec profile, such as `High`; nil when unknown.
    public var profile: String?
    /// The codec level times the codec's own factor (H.264: 42 is 4.2); nil when unknown.
    public var level: Int?
    /// The stored width in pixels, before rotation and aspect correction.
    public var codedWidth: Int
    /// The stored height in pixels, before rotation and aspect correction.
    public var codedHeight: Int
    /// FFmpeg's name of the pixel format, such as `yuv420p10le`.
    public var pixelFormat: String
    /// Bits per component.
    public var bitDepth: Int = 8
    /// The shape of one pixel; 1/1 when square or not specified.
    public var sampleAspectRatio: Rational = Rational(1, 1)
    /// The clockwise rotation in degrees (0, 90, 180 or 270) that makes the video upright.
    public var rotation: Int = 0
    /// Whether the display matrix also mirrors the video.
    public var mirrored: Bool = false
    /// The visible part of the stored frame, aligned to even pixels (`clap` in MP4 and MOV, `PixelCrop` in Matroska);
    /// nil when all of it is visible. Decoders don't apply it.
    public var cleanAperture: FrameRegion?
    /// The width of the visible part as a viewer sees it: upright and in square pixels.
    public var displayWidth: Int
    /// The height of the visible part: upright and in square pixels.
    public var displayHeight: Int
    /// The average frame rate over the file; 0/0 when unknown.
    public var averageFrameRate: Rational
    /// FFmpeg's `r_frame_rate`: the lowest rate that can represent all timestamps exactly. A guess.
    public var realFrameRate: Rational
    /// Whether the frames are evenly spaced over all packets; nil when not measured.
    public var constantFrameRate: Bool?
    /// `progressive`, `tt`, `bb`, `tb`, `bt`, `telecine` (film with 3:2 pulldown, best left alone) or `unknown`.
    /// Measured on decoded frames when the stream's own claim is doubtful; otherwise that claim.
    public var fieldOrder: String = "unknown"
    /// The stream's own claim when the measurement contradicts it; nil otherwise.
    public var claimedFieldOrder: String?
    /// The colour range: `tv` or `pc`; nil when untagged.
    public var colorRange: String?
    /// The colour primaries, such as `bt709`; nil when untagged.
    public var colorPrimaries: String?
    /// The transfer characteristic, such as `smpte2084`; nil when untagged.
    public var colorTransfer: String?
    /// The matrix coefficients, such as `bt709`; nil when untagged.
    public var colorSpace: String?
    /// The dynamic range according to the tags.
    public var dynamicRange = DynamicRange.sdr
    /// The Dolby Vision profile; nil without a configuration record.
    public var dolbyVisionProfile: Int?
    /// The Dolby Vision compatibility id (0: without a usable base layer); nil without a configuration record.
    public var dolbyVisionCompatibility: Int?
    /// The first timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// The duration in seconds; nil when unknown.
    public var duration: Double?
    /// Bits per second according to the container; nil when unknown.
    public var bitRate: Int64?
    /// The number of frames according to the container; nil when it has none.
    public var frameCount: Int?
    /// The longest distance between keyframes in seconds over all packets; nil when not measured.
    public var longestKeyFrameInterval: Double?
    /// Whether every GOP is closed, over all packets; nil when not measured.
    public var closedGroups: Bool?
    /// PTS of the keyframes in seconds, to the microsecond, in order; nil when not measured, for codecs other than
    /// H.264 and HEVC, and for more than 2,000 keyframes. If the first one is later than `startTime`, the frames before
    /// it can't be decoded on their own.
    public var keyFrameTimes: [Double]?
    /// Whether the frames have an alpha channel; nil when they have none.
    public var hasAlpha: Bool?
    /// Whether the stream is attached cover art, which is not footage.
    public var isAttachedPicture: Bool = false
    /// Whether the container marks the track as the default.
    public var isDefault: Bool = false

    public enum DynamicRange: String, Sendable, Codable {
        case sdr
        /// Perceptual quantiser (HDR10, Dolby Vision 8.1).
        case pq
        /// Hybrid log-gamma (phones, broadcast, Dolby Vision 8.4).
        case hlg
    }

    /// A track of square, upright pixels at an even rate; set the properties that differ.
    public init(
        index: Int, codec: String, codedWidth: Int, codedHeight: Int, pixelFormat: String, averageFrameRate: Rational
    ) {
        self.index = index
        self.codec = codec
        self.codedWidth = codedWidth
        self.codedHeight = codedHeight
        self.pixelFormat = pixelFormat
        self.averageFrameRate = averageFrameRate
        realFrameRate = averageFrameRate
        displayWidth = codedWidth
        displayHeight = codedHeight
    }
}
