import Foundation

/// How a video reaches the user.
enum PostMode: String, Codable, Sendable {
    /// Published at once.
    case direct
    /// A draft in the user's inbox.
    case inbox
}

/// One video post from its init on.
struct Post: Codable, Sendable, Equatable {
    /// What the init asked for.
    struct Details: Codable, Sendable, Equatable {
        var title: String?
        var privacyLevel: String?
        var disableDuet = false
        var disableStitch = false
        var disableComment = false
        var brandContent = false
        var brandOrganic = false
        var aiGenerated = false
        var coverTimestampMilliseconds: Int64?
    }

    var publishID: String
    var mode: PostMode
    var openID: String
    var createdAt: Date
    var details: Details
    var plan: ChunkPlan
    /// Set when the sandbox fetches the bytes instead of being sent them.
    var pull: Pull?
    /// A limit of the dialect that the post came by, beside the creator's own.
    var longestSeconds: Int64?
    /// The video of the multipart dialect that it shows.
    var videoID: String?

    // The upload
    var uploadID: String
    var uploadToken: String
    var urlExpiresAt: Date
    /// The bytes that have arrived for good, always whole chunks.
    var committed: Int64 = 0
    var contentType: String?

    // After the last byte
    var readyAt: Date?
    var publicAt: Date?
    var inspection: Inspection?
    /// When the user finished the draft in the app.
    var finishedAt: Date?
    /// The id that a public post gets.
    var postID: Int64

    /// Whether every byte has arrived.
    var isComplete: Bool { committed == plan.videoSize && pull?.hasArrived != false }
}

/// A download that the sandbox makes for a post.
struct Pull: Codable, Sendable, Equatable {
    var url: String
    var hasArrived = false
    /// Why it ended without the bytes.
    var failReason: String?
}

/// What the sandbox found out about the uploaded file.
struct Inspection: Codable, Sendable, Equatable {
    var sha256: String
    var facts: MediaFacts?
    var failReason: String?
}

/// The status of a post as `status/fetch` reports it.
struct PostStatus: Sendable, Equatable {
    var name: String
    var failReason: String?
    /// Set for public posts that passed moderation.
    var publicPostID: Int64?

    static let processing = PostStatus(name: "PROCESSING_UPLOAD")
    static let downloading = PostStatus(name: "PROCESSING_DOWNLOAD")
    static func failed(_ reason: String) -> PostStatus { PostStatus(name: "FAILED", failReason: reason) }
}

extension Post {
    /// The status at a moment; time alone moves a post on, so nothing has to wake up for it.
    func status(at now: Date, settings: SandboxSettings) -> PostStatus {
        let processing = pull == nil ? PostStatus.processing : .downloading
        if let pull, !pull.hasArrived { return pull.failReason.map(PostStatus.failed) ?? .downloading }
        guard isComplete else {
            return now >= urlExpiresAt ? .failed("internal") : .processing
        }
        if let stuck = settings.stuckStatus { return PostStatus(name: stuck) }
        guard let inspection, let readyAt, now >= readyAt else { return processing }
        if let reason = inspection.failReason { return .failed(reason) }
        if mode == .inbox, finishedAt == nil { return PostStatus(name: "SEND_TO_USER_INBOX") }
        var status = PostStatus(name: "PUBLISH_COMPLETE")
        if details.privacyLevel == "PUBLIC_TO_EVERYONE", let publicAt, now >= publicAt {
            status.publicPostID = postID
        }
        return status
    }
}
