import Hummingbird

/// The endpoints of the Content Posting API.
struct PublishRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        addInit(.direct, at: "/v2/post/publish/video/init/", to: router)
        addInit(.inbox, at: "/v2/post/publish/inbox/video/init/", to: router)
        addStatus(to: router)
        addAccount(to: router)
        for method in [HTTPRequest.Method.get, .post, .put, .delete] {
            router.on("/v2/**", method: method, use: gateway.handler { _, _ in throw APIError.unsupportedPath })
        }
    }

    private func addInit(_ mode: PublishMode, at path: String, to router: Router<SandboxContext>) {
        router.post(exactly: path, through: gateway) { request, logID in
            let post = try await engine.openPost(
                mode: mode, bearer: request.bearer, body: try await request.json())
            var data: [String: SandboxJSON] = ["publish_id": .string(post.publishID)]
            data["upload_url"] = post.uploadURL.map(SandboxJSON.string)
            return .envelope(.object(data), logID: logID, publishID: post.publishID)
        }
    }

    private func addStatus(to router: Router<SandboxContext>) {
        router.post(exactly: "/v2/post/publish/status/fetch/", through: gateway) { request, logID in
            let id = try await request.json()?["publish_id"]?.stringValue
            let (post, status) = try await engine.status(bearer: request.bearer, publishID: id)
            return .envelope(Self.json(of: status, post: post), logID: logID, publishID: post.publishID)
        }
        router.post(exactly: "/v2/post/publish/cancel/", through: gateway) { request, logID in
            let id = try await request.json()?["publish_id"]?.stringValue
            try await engine.cancel(bearer: request.bearer, publishID: id)
            return .envelope([:], logID: logID, publishID: id)
        }
    }

    private func addAccount(to router: Router<SandboxContext>) {
        router.post(exactly: "/v2/post/publish/creator_info/query/", through: gateway) { request, logID in
            // Rejects an invalid body; the endpoint takes no parameters.
            _ = try await request.json()
            let settings = try await engine.creatorInfo(bearer: request.bearer)
            return .envelope(Self.creatorInfo(settings, avatar: await engine.avatarURL), logID: logID)
        }
        router.get(exactly: "/v2/user/info/", through: gateway) { request, logID in
            .envelope(
                try await engine.userInfo(bearer: request.bearer, fields: request.query["fields"]), logID: logID)
        }
    }

    private static func json(of status: PostStatus, post: Post) -> SandboxJSON {
        let bytes = post.pull == nil ? "uploaded_bytes" : "downloaded_bytes"
        var data: [String: SandboxJSON] = ["status": .string(status.name), bytes: .integer(post.committed)]
        if let reason = status.failReason { data["fail_reason"] = .string(reason) }
        // TikTok's own spelling.
        if let id = status.publicPostID { data["publicaly_available_post_id"] = [.integer(id)] }
        return .object(data)
    }

    private static func creatorInfo(_ settings: SandboxSettings, avatar: String) -> SandboxJSON {
        let isPrivate = settings.accountPrivacy == .private
        return [
            "creator_avatar_url": .string(avatar),
            "creator_username": .string(settings.accountUsername),
            "creator_nickname": .string(settings.accountNickname),
            "privacy_level_options": .array(settings.offeredPrivacyLevels.map(SandboxJSON.string)),
            "comment_disabled": .bool(settings.commentDisabled),
            "duet_disabled": .bool(settings.duetDisabled ?? isPrivate),
            "stitch_disabled": .bool(settings.stitchDisabled ?? isPrivate),
            "max_video_post_duration_sec": .integer(settings.maxVideoPostDurationSeconds),
        ]
    }
}
