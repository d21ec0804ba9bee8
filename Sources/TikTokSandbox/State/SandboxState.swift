import Foundation

/// The durable state of a sandbox, built from events. A pure value: it uses no clock, files or network.
struct SandboxState: Sendable, Equatable {
    private(set) var app: SandboxApp?
    private(set) var codes: [String: AuthorizationCode] = [:]
    private(set) var grants: [String: Grant] = [:]
    private(set) var posts: [String: Post] = [:]
    /// Uploads of the multipart dialect, by upload id.
    private(set) var partUploads: [String: PartUpload] = [:]
    /// Publish ids, oldest first.
    private(set) var order: [String] = []

    init() {}

    init(replaying events: [SandboxEvent]) {
        for event in events { apply(event) }
    }

    mutating func apply(_ event: SandboxEvent) {
        switch event {
        case .appCreated(let created):
            app = created
        case .codeIssued(let code):
            codes[code.code] = code
        case .codeSpent(let code):
            codes[code] = nil
        case .grantChanged(let grant):
            grants[grant.id] = grant
        case .postOpened(let post):
            if posts.updateValue(post, forKey: post.publishID) == nil { order.append(post.publishID) }
        case .chunkCommitted(let id, let committed, let contentType, let readyAt, let publicAt):
            posts[id]?.committed = committed
            posts[id]?.contentType = contentType
            posts[id]?.readyAt = readyAt
            posts[id]?.publicAt = publicAt
        case .inspected(let id, let inspection):
            posts[id]?.inspection = inspection
        case .draftFinished(let id, let finishedAt):
            posts[id]?.finishedAt = finishedAt
        case .pulled(let id, let bytes, let contentType, let readyAt, let publicAt):
            posts[id]?.pull?.hasArrived = true
            posts[id]?.plan = AnnouncedChunks(videoSize: bytes, chunkSize: bytes, count: 1)
            posts[id]?.committed = bytes
            posts[id]?.contentType = contentType
            posts[id]?.readyAt = readyAt
            posts[id]?.publicAt = publicAt
        case .pullFailed(let id, let reason):
            posts[id]?.pull?.failReason = reason
        case .partsOpened(let upload):
            partUploads[upload.id] = upload
        case .partStored(let id, let number, let bytes):
            partUploads[id]?.parts[number] = bytes > 0 ? bytes : nil
        case .partsCompleted(let id, let videoID):
            partUploads[id]?.videoID = videoID
        }
    }

    /// The grant that a valid access token belongs to.
    func grant(access token: String, at now: Date) -> Grant? {
        var found: Grant?
        // Compares with every grant, so that the response time reveals nothing about them.
        for grant in grants.values where grant.accepts(access: token, at: now) { found = grant }
        return found
    }

    /// The grant that a valid refresh token belongs to.
    func grant(refresh token: String, at now: Date) -> Grant? {
        var found: Grant?
        for grant in grants.values where grant.accepts(refresh: token, at: now) { found = grant }
        return found
    }

    func post(uploadID: String) -> Post? {
        posts.values.first { $0.uploadID == uploadID }
    }

    /// The posts whose bytes have all arrived, newest first.
    var arrivedPosts: [Post] { order.reversed().compactMap { posts[$0] }.filter(\.isComplete) }

    /// The posts that still lack bytes, newest first.
    var openUploads: [Post] { order.reversed().compactMap { posts[$0] }.filter { !$0.isComplete } }

    /// Publish ids of the posts whose video the sandbox must still fetch, oldest first.
    var pendingPulls: [String] {
        order.filter { id in posts[id]?.pull.map { !$0.hasArrived && $0.failReason == nil } ?? false }
    }

    /// The posts whose pull failed or was cancelled.
    var failedPulls: [Post] { order.compactMap { posts[$0] }.filter { $0.pull?.failReason != nil } }

    /// The multipart upload that became the video with this id.
    func partUpload(videoID: String) -> PartUpload? { partUploads.values.first { $0.videoID == videoID } }

    /// Whether a video of the multipart dialect was posted.
    func isPosted(videoID: String) -> Bool { posts.values.contains { $0.videoID == videoID } }

    /// How many multipart uploads started in the last 24 hours.
    func recentPartUploads(at now: Date) -> Int {
        partUploads.values.count { Self.isRecent($0.createdAt, at: now) }
    }

    /// Publish ids of complete posts that still need an inspection.
    var uninspected: [String] {
        order.filter { id in posts[id].map { $0.isComplete && $0.inspection == nil } ?? false }
    }

    /// How many direct posts of the last 24 hours count towards the daily cap.
    func recentPosts(at now: Date, settings: SandboxSettings) -> Int {
        countRecent(.direct, at: now) { $0.status(at: now, settings: settings).name != "FAILED" }
    }

    /// How many drafts of the last 24 hours the user has not posted yet.
    func pendingShares(at now: Date, settings: SandboxSettings) -> Int {
        countRecent(.inbox, at: now) { post in
            let name = post.status(at: now, settings: settings).name
            return name != "FAILED" && name != "PUBLISH_COMPLETE"
        }
    }

    /// The users who posted in the last 24 hours.
    func recentUsers(at now: Date) -> Set<String> {
        Set(posts.values.filter { $0.isComplete && Self.isRecent($0.createdAt, at: now) }.map(\.openID))
    }

    /// Whether a post by this user would exceed the app's quota of active users.
    func isOverUserCap(_ openID: String, at now: Date, settings: SandboxSettings) -> Bool {
        guard let limit = settings.activeUsersPerDay ?? (settings.appAudited ? nil : 5) else { return false }
        let users = recentUsers(at: now)
        return !users.contains(openID) && users.count >= limit
    }

    /// Whether a time is within the 24 hours to which TikTok's daily limits refer.
    private static func isRecent(_ date: Date, at now: Date) -> Bool {
        date > now.addingTimeInterval(-86_400)
    }

    private func countRecent(_ mode: PublishMode, at now: Date, where counts: (Post) -> Bool) -> Int {
        posts.values.count { post in
            post.mode == mode && post.isComplete && Self.isRecent(post.createdAt, at: now) && counts(post)
        }
    }
}
