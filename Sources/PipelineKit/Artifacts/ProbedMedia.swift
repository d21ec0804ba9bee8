/// Footage after `probe`: its tracks, and the choice of the video and audio to deliver.
public struct ProbedMedia: Artifact, Hashable {
    public static let kind: ArtifactKind = "ProbedMedia"

    public var source: SourceFile
    /// FFmpeg's short name of the demuxer, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    public var container: String
    /// The duration in seconds, from the container or, without one there, measured over the packets.
    public var duration: Double
    /// The first timestamp in seconds; may be negative or far from 0.
    public var startTime = 0.0
    /// Bits per second over the whole file; nil when unknown.
    public var bitRate: Int64?
    /// Whether `moov` comes before `mdat`; nil for containers that have neither.
    public var fastStart: Bool?
    /// The video tracks in file order, including cover art.
    public var video: [VideoTrack]
    /// The audio tracks in file order.
    public var audio: [AudioTrack]
    /// The streams that are neither video nor audio.
    public var other: [OtherTrack] = []
    /// The stream index of the video to deliver.
    public var chosenVideo: Int
    /// The stream index of the audio to deliver; nil when there is none.
    public var chosenAudio: Int?
    /// The metadata tags of the container.
    public var tags: [String: String] = [:]
    /// What the user should know before delivery: damage, wrong headers, streams that are left out.
    public var warnings: [String] = []
    /// The number of frames that the packets of the chosen video track announce; nil unless all packets were read.
    public var expectedFrames: Int?
    /// Seconds of footage that the headers announce but the file doesn't contain; nil when none is known to be missing.
    public var missingSeconds: Double?
    /// Images, texts and subtitles to draw over the video when it is encoded, in drawing order.
    public var decorations: [VideoDecoration] = []
    /// The part of the footage to deliver; nil for all of it.
    public var part: FootagePart?

    /// Footage without tags and warnings; set the other properties that are known.
    public init(
        source: SourceFile, container: String, duration: Double, video: [VideoTrack], audio: [AudioTrack],
        chosenVideo: Int, chosenAudio: Int?
    ) {
        self.source = source
        self.container = container
        self.duration = duration
        self.video = video
        self.audio = audio
        self.chosenVideo = chosenVideo
        self.chosenAudio = chosenAudio
    }

    /// The video track to deliver.
    public var videoTrack: VideoTrack? { video.first { $0.index == chosenVideo } }
    /// The audio track to deliver; nil when there is none.
    public var audioTrack: AudioTrack? { audio.first { $0.index == chosenAudio } }

    public var files: [FileReference] { source.files + decorations.flatMap(\.files) }
    public var summary: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "path": .string(source.file.path), "container": .string(container), "duration": .number(duration),
            "bytes": .integer(source.file.bytes),
        ]
        if let track = videoTrack {
            fields["videoCodec"] = .string(track.codec)
            fields["width"] = .integer(Int64(track.displayWidth))
            fields["height"] = .integer(Int64(track.displayHeight))
        }
        if let track = audioTrack { fields["audioCodec"] = .string(track.codec) }
        if let part {
            fields["part"] = .integer(Int64(part.number))
            fields["parts"] = .integer(Int64(part.count))
        }
        if !decorations.isEmpty { fields["decorations"] = .integer(Int64(decorations.count)) }
        if !warnings.isEmpty { fields["warnings"] = .array(warnings.map(JSONValue.string)) }
        return fields
    }
}
