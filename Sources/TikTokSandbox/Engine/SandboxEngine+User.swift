import Foundation

extension SandboxEngine {
    /// Returns the requested fields of the user. Throws if the grant lacks the scope of one.
    func userInfo(bearer: String?, fields: String?) throws -> SandboxJSON {
        let grant = try authorize(bearer, anyOf: [])
        try admit(.userInfo, of: grant, limit: settings.userInfoPerMinute)
        let names = (fields ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !names.isEmpty else { throw APIError.invalid("Fields is required") }
        let known = try userFields(of: grant)
        var user: [String: SandboxJSON] = [:]
        for name in names {
            guard let field = known[name] else { throw APIError.invalid("Unknown field \(name)") }
            guard grant.holds(field.scope) else { throw APIError.scopeNotAuthorized }
            user[name] = field.value
        }
        return ["user": .object(user)]
    }

    /// Every field with the scope that it requires.
    private func userFields(of grant: Grant) throws -> [String: (scope: String, value: SandboxJSON)] {
        let app = try app
        let settings = settings
        let avatar = avatarURL
        let basic = "user.info.basic"
        let profile = "user.info.profile"
        let stats = "user.info.stats"
        return [
            "open_id": (basic, .string(grant.openID)), "union_id": (basic, .string(app.unionID)),
            "avatar_url": (basic, .string(avatar)), "avatar_url_100": (basic, .string(avatar)),
            "avatar_large_url": (basic, .string(avatar)), "display_name": (basic, .string(settings.accountNickname)),
            "username": (profile, .string(settings.accountUsername)),
            "bio_description": (profile, "An account of the local sandbox"),
            "profile_deep_link": (profile, "https://vm.tiktok.com/sandbox/"),
            "profile_web_link": (profile, .string("https://www.tiktok.com/@\(settings.accountUsername)")),
            "is_verified": (profile, false), "follower_count": (stats, 0), "following_count": (stats, 0),
            "likes_count": (stats, 0), "video_count": (stats, 0),
        ]
    }
}
