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

/// What is going to be uploaded: `source_info`.
struct SourceInfo: Encodable {
    let source = "FILE_UPLOAD"
    let videoSize: Int64
    let chunkSize: Int64
    let totalChunkCount: Int

    init(_ plan: ChunkPlan) {
        videoSize = plan.size
        chunkSize = plan.chunkSize
        totalChunkCount = plan.count
    }

    private enum CodingKeys: String, CodingKey {
        case source
        case videoSize = "video_size"
        case chunkSize = "chunk_size"
        case totalChunkCount = "total_chunk_count"
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
