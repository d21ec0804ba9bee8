import Foundation

/// What a user granted the app: scopes and the tokens that carry them.
struct Grant: Codable, Sendable, Equatable {
    /// An access token and the moment it dies.
    struct AccessToken: Codable, Sendable, Equatable {
        var token: String
        var expiresAt: Date
    }

    /// A refresh token that was rotated away, and until when it is tolerated.
    struct RetiredToken: Codable, Sendable, Equatable {
        var token: String
        var toleratedUntil: Date
    }

    var id: String
    var openID: String
    var scopes: [String]
    /// The newest last. Older ones live until their own end, as a refresh does not revoke them.
    var accessTokens: [AccessToken]
    var refreshToken: String
    /// Counts from the first issue and does not move on a refresh.
    var refreshExpiresAt: Date
    var retired: [RetiredToken] = []
    var revoked = false

    /// Whether the refresh token, or a tolerated older one, is `candidate`.
    func accepts(refresh candidate: String, at now: Date) -> Bool {
        guard !revoked, refreshExpiresAt > now else { return false }
        if equalInConstantTime(candidate, refreshToken) { return true }
        return retired.contains { $0.toleratedUntil > now && equalInConstantTime(candidate, $0.token) }
    }

    /// Whether `candidate` is a live access token of this grant.
    func accepts(access candidate: String, at now: Date) -> Bool {
        guard !revoked else { return false }
        return accessTokens.contains { equalInConstantTime(candidate, $0.token) && $0.expiresAt > now }
    }
}

/// A code that the consent page handed out.
struct AuthorizationCode: Codable, Sendable, Equatable {
    var code: String
    var redirectURI: String
    var scopes: [String]
    /// The PKCE challenge, when the client sent one.
    var challenge: String?
    var expiresAt: Date
}
