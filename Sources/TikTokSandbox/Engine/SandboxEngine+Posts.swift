import Foundation

/// The result of an init request.
struct OpenedPost: Sendable {
    var publishID: String
    /// Nil if the sandbox fetches the video itself.
    var uploadURL: String?
}

extension SandboxEngine {
    /// Opens a post: checks the request against the documented rules, then assigns a publish id and an upload URL.
    func openPost(mode: PublishMode, bearer: String?, body: SandboxJSON?) throws -> OpenedPost {
        let grant = try authorize(bearer, anyOf: [mode == .direct ? "video.publish" : "video.upload"])
        let settings = settings
        try admit(.initialize, of: grant, limit: settings.initPerMinute)
        guard let body, body.objectValue != nil else { throw APIError.body }
        let details = mode == .direct ? try PostRequest.details(of: body, settings: settings) : Post.Details()
        let source = try PostRequest.source(of: body, settings: settings)
        try checkCaps(of: grant, mode: mode, settings: settings)

        let number = String(Identifiers.snowflake())
        switch source {
        case .upload(let chunks):
            let publishID = (mode == .direct ? "v_pub_file~v2-1." : "v_inbox_file~v2.") + number
            let post = newPost(id: publishID, mode: mode, grant: grant, details: details, chunks: chunks)
            try commit(.postOpened(post))
            return OpenedPost(
                publishID: publishID,
                uploadURL: "\(uploadBase)/upload/?upload_id=\(post.uploadID)&upload_token=\(post.uploadToken)")
        case .pull(let url):
            let publishID = (mode == .direct ? "v_pub_url~v2." : "v_inbox_url~v2.") + number
            var post = newPost(id: publishID, mode: mode, grant: grant, details: details, chunks: .unknown)
            post.pull = Pull(url: url)
            try commit(.postOpened(post))
            pullQueue.yield(publishID)
            return OpenedPost(publishID: publishID)
        }
    }

    /// Creates a post without any bytes.
    func newPost(
        id: String, mode: PublishMode, grant: Grant, details: Post.Details, chunks: AnnouncedChunks
    ) -> Post {
        let now = now()
        return Post(
            publishID: id, mode: mode, openID: grant.openID, createdAt: now, details: details, plan: chunks,
            urlExpiresAt: now.addingTimeInterval(settings.uploadURLSeconds))
    }

    /// The base of upload URLs: this server, under the host name of the `uploadHost` setting.
    private var uploadBase: String {
        baseURL.replacingOccurrences(of: "//127.0.0.1", with: "//" + settings.uploadHost.rawValue)
    }

    /// Returns the post with this id and its current status.
    func status(bearer: String?, publishID: String?) throws -> (post: Post, status: PostStatus) {
        let grant = try authorize(bearer, anyOf: ["video.publish", "video.upload"])
        let settings = settings
        try admit(.status, of: grant, limit: settings.statusPerMinute)
        let post = try post(publishID, of: grant)
        return (post, post.status(at: now(), settings: settings))
    }

    /// Cancels a pull that has not finished; nothing else can be cancelled.
    func cancel(bearer: String?, publishID: String?) throws {
        let grant = try authorize(bearer, anyOf: ["video.publish", "video.upload"])
        try admit(.status, of: grant, limit: settings.statusPerMinute)
        let post = try post(publishID, of: grant)
        guard let pull = post.pull, !pull.hasArrived, pull.failReason == nil else { throw APIError.notCancellable }
        try commit(.pullFailed(publishID: post.publishID, reason: "publish_cancelled"))
    }

    private static let creatorInfoCodesWithStatus200 = [
        "spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "reached_active_user_cap",
    ]

    /// Returns the settings that creator info reports. Throws the errors that TikTok sends with status 200.
    func creatorInfo(bearer: String?) throws -> SandboxSettings {
        let grant = try authorize(bearer, anyOf: ["video.publish"])
        let settings = settings
        try admit(.creatorInfo, of: grant, limit: settings.creatorInfoPerMinute)
        if let code = settings.creatorInfoError {
            let status = Self.creatorInfoCodesWithStatus200.contains(code) ? 200 : 403
            throw APIError(status: status, code: code, message: "The creator can not post at the moment.")
        }
        if state.isOverUserCap(grant.openID, at: now(), settings: settings) {
            throw APIError.activeUserCap.withStatus(200)
        }
        if state.recentPosts(at: now(), settings: settings) >= settings.postsPerDay {
            throw APIError.tooManyPosts.withStatus(200)
        }
        return settings
    }

    /// Simulates the user posting a draft from the app's inbox.
    func finishDraft(_ publishID: String) throws {
        guard let post = state.posts[publishID], post.mode == .inbox,
            post.status(at: now(), settings: settings).name == "SEND_TO_USER_INBOX"
        else { throw APIError.invalidPublishID }
        try commit(.draftFinished(publishID: publishID, at: now()))
    }

    private func post(_ publishID: String?, of grant: Grant) throws -> Post {
        guard let publishID, let post = state.posts[publishID] else { throw APIError.invalidPublishID }
        guard post.openID == grant.openID else { throw APIError.foreignPublishID }
        return post
    }

    /// Throws if the app or the user has reached a limit for posts or drafts.
    func checkCaps(of grant: Grant, mode: PublishMode, settings: SandboxSettings) throws {
        guard !state.isOverUserCap(grant.openID, at: now(), settings: settings) else { throw APIError.activeUserCap }
        switch mode {
        case .direct:
            guard state.recentPosts(at: now(), settings: settings) < settings.postsPerDay else {
                throw APIError.tooManyPosts
            }
        case .inbox:
            guard state.pendingShares(at: now(), settings: settings) < settings.pendingInboxShares else {
                throw APIError.tooManyPendingShares
            }
        }
    }
}
