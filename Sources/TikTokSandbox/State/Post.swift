import Foundation

/// A video post, from its init request to publication.
struct Post: Codable, Sendable, Equatable {
    /// The `post_info` of the init request.
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
    var mode: PublishMode
    var openID: String
    var createdAt: Date
    var details: Details
    /// The chunks of the upload. All sizes are zero for a pull that has not arrived.
    var plan: AnnouncedChunks
    /// Set if the sandbox fetches the video (`PULL_FROM_URL`) instead of receiving it.
    var pull: Pull?
    /// The duration limit of the multipart dialect in seconds, in addition to the creator's own limit.
    var longestSeconds: Int64?
    /// The video id, for posts of the multipart dialect.
    var videoID: String?

    // The upload
    var uploadID = String(Identifiers.snowflake())
    var uploadToken = UUID().uuidString.lowercased()
    var urlExpiresAt: Date
    /// The number of bytes received, always whole chunks.
    var committed: Int64 = 0
    var contentType: String?

    // After the last byte
    var readyAt: Date?
    var publicAt: Date?
    var inspection: Inspection?
    /// When the user finished the draft in the app.
    var finishedAt: Date?
    /// The id of the public post; reported only after moderation.
    var postID = Identifiers.snowflake()

    /// Whether every byte has arrived.
    var isComplete: Bool { committed == plan.videoSize && pull?.hasArrived != false }
}

/// A video that the sandbox fetches for a post.
struct Pull: Codable, Sendable, Equatable {
    var url: String
    var hasArrived = false
    /// Why the pull failed or was cancelled.
    var failReason: String?
}

/// The result of checking an uploaded file.
struct Inspection: Codable, Sendable, Equatable {
    var sha256: String
    var facts: MediaFacts?
    var failReason: String?
}

/// The status of a post as `status/fetch` reports it.
struct PostStatus: Sendable, Equatable {
    var name: String
    var failReason: String?
    /// Set for public posts that have passed moderation.
    var publicPostID: Int64?

    static let processing = PostStatus(name: "PROCESSING_UPLOAD")
    static let downloading = PostStatus(name: "PROCESSING_DOWNLOAD")
    static func failed(_ reason: String) -> PostStatus { PostStatus(name: "FAILED", failReason: reason) }
}

extension Post {
    /// The status at a given time. It follows from timestamps, so that no timer is needed.
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
