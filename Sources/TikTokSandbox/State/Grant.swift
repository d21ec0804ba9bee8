import Foundation

/// A user's consent: the granted scopes, and the tokens issued for them.
struct Grant: Codable, Sendable, Equatable {
    /// An access token and its expiry.
    struct AccessToken: Codable, Sendable, Equatable {
        var token: String
        var expiresAt: Date
    }

    /// A replaced refresh token that is still accepted for a short time.
    struct RetiredToken: Codable, Sendable, Equatable {
        var token: String
        var toleratedUntil: Date
    }

    var id: String
    var openID: String
    var scopes: [String]
    /// Newest last. A refresh does not revoke older tokens; each is valid until it expires.
    var accessTokens: [AccessToken]
    var refreshToken: String
    /// Set when the grant is issued; a refresh does not extend it.
    var refreshExpiresAt: Date
    var retired: [RetiredToken] = []
    var revoked = false

    /// Whether `candidate` is the refresh token, or a replaced one that is still accepted.
    func accepts(refresh candidate: String, at now: Date) -> Bool {
        guard !revoked, refreshExpiresAt > now else { return false }
        if equalInConstantTime(candidate, refreshToken) { return true }
        return retired.contains { $0.toleratedUntil > now && equalInConstantTime(candidate, $0.token) }
    }

    /// Whether the user granted a scope, by its own name or an alias.
    func holds(_ scope: String) -> Bool {
        scopes.contains { $0 == scope || SandboxApp.scopeAliases[$0] == scope }
    }

    /// Whether `candidate` is a valid access token of this grant.
    func accepts(access candidate: String, at now: Date) -> Bool {
        guard !revoked else { return false }
        return accessTokens.contains { equalInConstantTime(candidate, $0.token) && $0.expiresAt > now }
    }
}

/// A code that the consent page issued.
struct AuthorizationCode: Codable, Sendable, Equatable {
    var code: String
    var redirectURI: String
    var scopes: [String]
    /// The PKCE challenge; nil if the client sent none.
    var challenge: String?
    var expiresAt: Date
}
