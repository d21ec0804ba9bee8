/// The end of the chain: a post that the service confirmed.
public struct PublishedPost: Artifact, Hashable {
    public static let kind: ArtifactKind = "PublishedPost"

    /// The service's id of the publication; opaque.
    public var publishID: String
    /// The final status, such as `PUBLISH_COMPLETE` or `SEND_TO_USER_INBOX`.
    public var status: String
    /// The ids of the public posts; empty for private posts and drafts.
    public var postIDs: [Int64]
    /// The URL of the post; nil when it is not public.
    public var url: String?
    public var mode: PostMode

    public init(publishID: String, status: String, postIDs: [Int64], url: String?, mode: PostMode) {
        self.publishID = publishID
        self.status = status
        self.postIDs = postIDs
        self.url = url
        self.mode = mode
    }

    public var summary: [String: JSONValue] {
        [
            "publishId": .string(publishID), "status": .string(status), "mode": .string(mode.rawValue),
            "postIds": .array(postIDs.map(JSONValue.integer)), "url": url.map(JSONValue.string) ?? .null,
        ]
    }
}
