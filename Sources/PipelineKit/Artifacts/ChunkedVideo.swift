/// A prepared video and the byte ranges in which it is uploaded.
public struct ChunkedVideo: Artifact, Hashable {
    public static let kind: ArtifactKind = "ChunkedVideo"

    public var video: PreparedVideo
    /// The size in bytes of every chunk but the last.
    public var chunkSize: Int64
    /// The number of chunks; the last one also takes the remainder.
    public var chunkCount: Int

    public init(video: PreparedVideo, chunkSize: Int64, chunkCount: Int) {
        self.video = video
        self.chunkSize = chunkSize
        self.chunkCount = chunkCount
    }

    public var files: [FileReference] { video.files }
    public var summary: [String: JSONValue] {
        [
            "path": .string(video.file.path), "bytes": .integer(video.file.bytes), "chunkSize": .integer(chunkSize),
            "chunkCount": .integer(Int64(chunkCount)),
        ]
    }
}
