/// How a post reaches the creator's audience.
public enum PostMode: String, Sendable, Codable, CaseIterable {
    /// Published directly with the settings of the pipeline.
    case direct
    /// Sent to the creator's inbox as a draft, which the creator finishes in the app.
    case inbox
}

/// A video whose bytes the service has received.
public struct UploadedVideo: Artifact, Hashable {
    public static let kind: ArtifactKind = "UploadedVideo"

    /// The service's id of the publication; opaque.
    public var publishID: String
    /// The id of the post in the ledger.
    public var postID: String
    public var mode: PostMode
    /// The creator's handle, for the post's URL; nil when unknown.
    public var username: String?
    /// The caption as sent; nil for drafts.
    public var title: String?
    /// The audience as sent; nil for drafts.
    public var privacyLevel: String?
    /// The number of bytes that the service received.
    public var bytes: Int64

    public init(
        publishID: String, postID: String, mode: PostMode, username: String?, title: String?, privacyLevel: String?,
        bytes: Int64
    ) {
        self.publishID = publishID
        self.postID = postID
        self.mode = mode
        self.username = username
        self.title = title
        self.privacyLevel = privacyLevel
        self.bytes = bytes
    }

    public var summary: [String: JSONValue] {
        ["publishId": .string(publishID), "mode": .string(mode.rawValue), "bytes": .integer(bytes)]
    }
}
