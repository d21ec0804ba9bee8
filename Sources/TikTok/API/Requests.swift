package import PipelineKit

/// What a direct post says and allows: `post_info`.
package struct PostInfo: Sendable, Hashable, Encodable {
    /// Audience.
    package var privacyLevel: String
    /// Caption.
    package var title: String
    /// Whether comments are off.
    package var disableComment: Bool
    /// Whether duets are off.
    package var disableDuet: Bool
    /// Whether stitches are off.
    package var disableStitch: Bool
    /// The cover's moment in milliseconds.
    package var coverTimestamp: Int32?
    /// Paid partnership for a third party.
    package var brandContent: Bool
    /// Promotes the creator's own business.
    package var brandOrganic: Bool
    /// Labelled as AI-generated.
    package var isAIGC: Bool

    private enum CodingKeys: String, CodingKey {
        case privacyLevel = "privacy_level"
        case title
        case disableComment = "disable_comment"
        case disableDuet = "disable_duet"
        case disableStitch = "disable_stitch"
        case coverTimestamp = "video_cover_timestamp_ms"
        case brandContent = "brand_content_toggle"
        case brandOrganic = "brand_organic_toggle"
        case isAIGC = "is_aigc"
    }

    /// The settings of a post; what the creator's account forces off is sent as off.
    package init(_ settings: PostSettings, creator: CreatorInfo) {
        privacyLevel = settings.privacyLevel.rawValue
        title = settings.title
        disableComment = settings.disableComment || creator.commentDisabled
        disableDuet = settings.disableDuet || creator.duetDisabled
        disableStitch = settings.disableStitch || creator.stitchDisabled
        coverTimestamp = settings.cover.flatMap { Int32(exactly: ($0.inSeconds * 1000).rounded()) }
        brandContent = settings.brandContent
        brandOrganic = settings.brandOrganic
        isAIGC = settings.aigc
    }
}

/// Where the service gets a post's bytes from.
package enum PostSource: Sendable, Hashable {
    /// They are sent in these chunks once the post is created.
    case upload(ChunkPlan)
    /// The service fetches them from this https address, whose domain or prefix the app has verified.
    case pull(String)
    /// They were sent before, and are the video of this id (multipart dialect).
    case video(String)
}

/// A post as it is asked for.
package struct NewPost: Sendable, Hashable {
    /// What it says and allows; nil for drafts, which carry no settings.
    package var info: PostInfo?
    /// Where the bytes come from.
    package var source: PostSource

    /// A post to ask for.
    package init(info: PostInfo?, source: PostSource) {
        self.info = info
        self.source = source
    }
}

/// Where the bytes come from, as v2 puts it: `source_info`.
struct SourceInfo: Encodable {
    let source: String
    var videoSize: Int64?
    var chunkSize: Int64?
    var totalChunkCount: Int?
    var videoURL: String?

    init(_ plan: ChunkPlan) {
        source = "FILE_UPLOAD"
        videoSize = plan.size
        chunkSize = plan.chunkSize
        totalChunkCount = plan.count
    }

    init(pulling url: String) {
        source = "PULL_FROM_URL"
        videoURL = url
    }

    private enum CodingKeys: String, CodingKey {
        case source
        case videoSize = "video_size"
        case chunkSize = "chunk_size"
        case totalChunkCount = "total_chunk_count"
        case videoURL = "video_url"
    }
}

struct DirectPostBody: Encodable {
    let postInfo: PostInfo
    let sourceInfo: SourceInfo

    private enum CodingKeys: String, CodingKey {
        case postInfo = "post_info"
        case sourceInfo = "source_info"
    }
}

struct InboxDraftBody: Encodable {
    let sourceInfo: SourceInfo

    private enum CodingKeys: String, CodingKey {
        case sourceInfo = "source_info"
    }
}

struct StatusBody: Encodable {
    let publishID: String

    private enum CodingKeys: String, CodingKey {
        case publishID = "publish_id"
    }
}

/// The `data` of an answer that tells nothing.
struct NoData: Decodable {}
