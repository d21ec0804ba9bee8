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
        try admit(.initialize, grant, limit: settings.initPerMinute)
        guard let body, body.objectValue != nil else { throw APIError.body }
        let details = mode == .direct ? try PostRequest.details(body, settings: settings) : Post.Details()
        let source = try PostRequest.source(body, settings: settings)
        try checkCaps(mode, grant, settings)

        let number = String(Identifiers.snowflake())
        switch source {
        case .upload(let plan):
            let publishID = (mode == .direct ? "v_pub_file~v2-1." : "v_inbox_file~v2.") + number
            let post = newPost(publishID, mode, grant, details, plan)
            try commit(.postOpened(post))
            return OpenedPost(
                publishID: publishID,
                uploadURL: "\(uploadBase)/upload/?upload_id=\(post.uploadID)&upload_token=\(post.uploadToken)")
        case .pull(let url):
            let publishID = (mode == .direct ? "v_pub_url~v2." : "v_inbox_url~v2.") + number
            var post = newPost(publishID, mode, grant, details, AnnouncedChunks(videoSize: 0, chunkSize: 0, count: 0))
            post.pull = Pull(url: url)
            try commit(.postOpened(post))
            pullQueue.yield(publishID)
            return OpenedPost(publishID: publishID)
        }
    }

    /// Creates a post without any bytes.
    func newPost(
        _ publishID: String, _ mode: PublishMode, _ grant: Grant, _ details: Post.Details, _ plan: AnnouncedChunks
    ) -> Post {
        let moment = now()
        return Post(
            publishID: publishID, mode: mode, openID: grant.openID, createdAt: moment, details: details, plan: plan,
            uploadID: String(Identifiers.snowflake()), uploadToken: UUID().uuidString.lowercased(),
            urlExpiresAt: moment.addingTimeInterval(settings.uploadURLSeconds), postID: Identifiers.snowflake())
    }

    /// The base of upload URLs: this server, under the host name of the `uploadHost` setting.
    private var uploadBase: String {
        baseURL.replacingOccurrences(of: "//127.0.0.1", with: "//" + settings.uploadHost.rawValue)
    }

    /// Returns the post with this id and its current status.
    func status(bearer: String?, publishID: String?) throws -> (post: Post, status: PostStatus) {
        let grant = try authorize(bearer, anyOf: ["video.publish", "video.upload"])
        let settings = settings
        try admit(.status, grant, limit: settings.statusPerMinute)
        let post = try post(publishID, of: grant)
        return (post, post.status(at: now(), settings: settings))
    }

    /// Cancels a pull that has not finished; nothing else can be cancelled.
    func cancel(bearer: String?, publishID: String?) throws {
        let grant = try authorize(bearer, anyOf: ["video.publish", "video.upload"])
        try admit(.status, grant, limit: settings.statusPerMinute)
        let post = try post(publishID, of: grant)
        guard let pull = post.pull, !pull.hasArrived, pull.failReason == nil else { throw APIError.notCancellable }
        try commit(.pullFailed(publishID: post.publishID, reason: "publish_cancelled"))
    }

    /// Returns the settings that creator info reports. Throws the errors that TikTok sends with status 200.
    func creatorInfo(bearer: String?) throws -> SandboxSettings {
        let grant = try authorize(bearer, anyOf: ["video.publish"])
        let settings = settings
        try admit(.creatorInfo, grant, limit: settings.creatorInfoPerMinute)
        let hidden = ["spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "reached_active_user_cap"]
        if let code = settings.creatorInfoError {
            throw APIError(hidden.contains(code) ? 200 : 403, code, "The creator can not post at the moment.")
        }
        if state.isOverUserCap(grant.openID, at: now(), settings: settings) {
            throw APIError(200, APIError.activeUserCap.code, APIError.activeUserCap.message)
        }
        if state.recentPosts(at: now(), settings: settings) >= settings.postsPerDay {
            throw APIError(200, APIError.tooManyPosts.code, APIError.tooManyPosts.message)
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

    func checkCaps(_ mode: PublishMode, _ grant: Grant, _ settings: SandboxSettings) throws {
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
