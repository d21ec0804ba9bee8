import Foundation

extension SandboxEngine {
    /// Returns the requested fields of the user. Throws if the grant lacks the scope of one.
    func userInfo(bearer: String?, fields: String?) throws -> SandboxJSON {
        let grant = try authorize(bearer, anyOf: [])
        try admit(.userInfo, grant, limit: settings.userInfoPerMinute)
        let wanted = (fields ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
            !$0.isEmpty
        }
        guard !wanted.isEmpty else { throw APIError.invalid("Fields is required") }
        var user: [String: SandboxJSON] = [:]
        for field in wanted {
            guard
                let known = try Self.user(
                    grant.openID, app: app, settings: settings, avatar: baseURL + "/_sandbox/avatar.svg")[field]
            else {
                throw APIError.invalid("Unknown field \(field)")
            }
            guard SandboxApp.holds(grant.scopes, known.scope) else { throw APIError.scopeNotAuthorized }
            user[field] = known.value
        }
        return ["user": .object(user)]
    }

    private static func user(
        _ openID: String, app: SandboxApp, settings: SandboxSettings, avatar: String
    ) -> [String: (scope: String, value: SandboxJSON)] {
        let basic = "user.info.basic"
        let profile = "user.info.profile"
        let stats = "user.info.stats"
        return [
            "open_id": (basic, .string(openID)), "union_id": (basic, .string(app.unionID)),
            "avatar_url": (basic, .string(avatar)), "avatar_url_100": (basic, .string(avatar)),
            "avatar_large_url": (basic, .string(avatar)), "display_name": (basic, .string(settings.accountNickname)),
            "username": (profile, .string(settings.accountUsername)),
            "bio_description": (profile, "An account of the local sandbox"),
            "profile_deep_link": (profile, "https://vm.tiktok.com/sandbox/"),
            "profile_web_link": (profile, .string("https://www.tiktok.com/@\(settings.accountUsername)")),
            "is_verified": (profile, false), "follower_count": (stats, 0), "following_count": (stats, 0),
            "likes_count": (stats, 0), "video_count": (stats, .integer(Int64(0))),
        ]
    }
}
