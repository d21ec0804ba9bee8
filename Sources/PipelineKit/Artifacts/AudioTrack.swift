/// The properties of an audio track.
public struct AudioTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// FFmpeg's name of the codec, such as `aac`.
    public var codec: String
    /// The codec profile, such as `LC`; nil when unknown.
    public var profile: String?
    /// Samples per second in each channel.
    public var sampleRate: Int
    public var channels: Int
    /// The channel layout, such as `stereo` or `5.1(side)`.
    public var layout: String
    /// Bits per second; nil when unknown.
    public var bitRate: Int64?
    /// The ISO 639 language tag; nil when untagged.
    public var language: String?
    /// The first timestamp in seconds; nil when unknown.
    public var startTime: Double?
    /// The duration in seconds; nil when unknown.
    public var duration: Double?
    /// Whether the container marks the track as the default.
    public var isDefault: Bool = false
    /// The title of the track; nil when untagged.
    public var title: String?
    /// Whether it is a commentary track; nil when it is not.
    public var isCommentary: Bool?
    /// Whether it is an audio description for people who can't see the video; nil when it is not.
    public var isDescriptive: Bool?

    /// A track without tags; set the properties that are known.
    public init(index: Int, codec: String, sampleRate: Int, channels: Int, layout: String) {
        self.index = index
        self.codec = codec
        self.sampleRate = sampleRate
        self.channels = channels
        self.layout = layout
    }
}
