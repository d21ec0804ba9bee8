/// A stream that is neither video nor audio: timecode, subtitles, telemetry, attachments.
public struct OtherTrack: Sendable, Hashable, Codable {
    /// The index of the stream in the file, from 0.
    public var index: Int
    /// `subtitle`, `data` or `attachment`.
    public var kind: String
    /// FFmpeg's name of the codec, or the container's four-character tag.
    public var codec: String

    public init(index: Int, kind: String, codec: String) {
        self.index = index
        self.kind = kind
        self.codec = codec
    }
}
