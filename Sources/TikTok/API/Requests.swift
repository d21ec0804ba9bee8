package import PipelineKit

/// The title and settings of a direct post (`post_info`).
package struct PostInfo: Sendable, Hashable, Encodable {
    package var privacyLevel: String
    package var title: String
    /// Whether comments are off.
    package var disableComment: Bool
    /// Whether duets are off.
    package var disableDuet: Bool
    /// Whether stitches are off.
    package var disableStitch: Bool
    /// The position of the cover frame in milliseconds; nil if not set.
    package var coverTimestamp: Int32?
    /// Whether the post is a paid partnership with a third party.
    package var brandContent: Bool
    /// Whether the post promotes the creator's own business.
    package var brandOrganic: Bool
    /// Whether the post is labelled as AI-generated.
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

    /// Combines the settings of a post with the creator's account: whatever the account turns off is sent as off.
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

/// Where the service gets the video from.
package enum PostSource: Sendable, Hashable {
    /// Sent in these chunks after the post is created.
    case upload(ChunkPlan)
    /// Fetched by the service from this https URL, whose domain or prefix the app has verified.
    case pull(String)
    /// Already uploaded as the video with this id (multipart dialect).
    case video(String)
}

/// The content of a request that creates a post.
package struct NewPost: Sendable, Hashable {
    /// The title and settings; nil for drafts, which have none.
    package var info: PostInfo?
    package var source: PostSource

    package init(info: PostInfo?, source: PostSource) {
        self.info = info
        self.source = source
    }
}

/// The `source_info` object of v2.
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

/// The empty `data` object of a response.
struct NoData: Decodable {}
