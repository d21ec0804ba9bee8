import Hummingbird

/// The endpoints of the Content Posting API.
struct PublishRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        post(router, "/v2/post/publish/creator_info/query/") { incoming, logID in
            _ = try await incoming.json()
            let settings = try await engine.creatorInfo(bearer: incoming.bearer)
            return .envelope(
                Self.creator(settings, avatar: await engine.baseURL + "/_sandbox/avatar.svg"), logID: logID)
        }
        post(router, "/v2/post/publish/video/init/") { incoming, logID in
            let body = try await incoming.json()
            return Self.opened(try await engine.openPost(mode: .direct, bearer: incoming.bearer, body: body), logID)
        }
        post(router, "/v2/post/publish/inbox/video/init/") { incoming, logID in
            let body = try await incoming.json()
            return Self.opened(try await engine.openPost(mode: .inbox, bearer: incoming.bearer, body: body), logID)
        }
        post(router, "/v2/post/publish/status/fetch/") { incoming, logID in
            let id = try await incoming.json()?["publish_id"]?.stringValue
            let (post, status) = try await engine.status(bearer: incoming.bearer, publishID: id)
            return .envelope(Self.status(post, status), logID: logID, publishID: post.publishID)
        }
        post(router, "/v2/post/publish/cancel/") { incoming, logID in
            let id = try await incoming.json()?["publish_id"]?.stringValue
            try await engine.cancel(bearer: incoming.bearer, publishID: id)
            return .envelope([:], logID: logID, publishID: id)
        }
        get(router, "/v2/user/info/") { incoming, logID in
            .envelope(
                try await engine.userInfo(bearer: incoming.bearer, fields: incoming.query["fields"]), logID: logID)
        }
        for method in [HTTPRequest.Method.get, .post, .put, .delete] {
            router.on("/v2/**", method: method) { [gateway] request, context in
                try await gateway.serve(request, context) { _, _ in
                    throw APIError(404, "unsupported_path", "Unsupported path(Janus)")
                }
            }
        }
    }

    func post(_ router: Router<SandboxContext>, _ path: String, _ endpoint: @escaping Gateway.Endpoint) {
        router.post(RouterPath(path)) { [gateway] request, context in
            try await gateway.serve(request, context, Self.exact(path, endpoint))
        }
    }

    private func get(_ router: Router<SandboxContext>, _ path: String, _ endpoint: @escaping Gateway.Endpoint) {
        router.get(RouterPath(path)) { [gateway] request, context in
            try await gateway.serve(request, context, Self.exact(path, endpoint))
        }
    }

    /// Requires the trailing slash of TikTok's paths, which the router ignores.
    static func exact(_ path: String, _ endpoint: @escaping Gateway.Endpoint) -> Gateway.Endpoint {
        { incoming, logID in
            guard incoming.path == path else { throw APIError(404, "unsupported_path", "Unsupported path(Janus)") }
            return try await endpoint(incoming, logID)
        }
    }

    private static func opened(_ post: OpenedPost, _ logID: String) -> Answer {
        var data: [String: SandboxJSON] = ["publish_id": .string(post.publishID)]
        data["upload_url"] = post.uploadURL.map(SandboxJSON.string)
        return .envelope(.object(data), logID: logID, publishID: post.publishID)
    }

    private static func status(_ post: Post, _ status: PostStatus) -> SandboxJSON {
        let bytes = post.pull == nil ? "uploaded_bytes" : "downloaded_bytes"
        var data: [String: SandboxJSON] = ["status": .string(status.name), bytes: .integer(post.committed)]
        if let reason = status.failReason { data["fail_reason"] = .string(reason) }
        // TikTok's own spelling.
        if let id = status.publicPostID { data["publicaly_available_post_id"] = [.integer(id)] }
        return .object(data)
    }

    private static func creator(_ settings: SandboxSettings, avatar: String) -> SandboxJSON {
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
