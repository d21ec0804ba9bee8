import Crypto
import Foundation

/// The response of the token endpoint; only access token and lifetime are set for client credentials.
struct TokenResponse: Sendable {
    var accessToken: String
    var expiresIn: Int64
    var refreshToken: String?
    var refreshExpiresIn: Int64?
    var openID: String?
    var scope: String?
}

extension SandboxEngine {
    /// Throws unless key and secret are those of the app.
    func checkClient(key: String?, secret: String?) throws {
        guard let key, !key.isEmpty else { throw OAuthError.invalidRequest("Client key is missed in request.") }
        guard let secret, !secret.isEmpty else {
            throw OAuthError.invalidRequest("Client secret is missed in request.")
        }
        let app = try app
        guard equalInConstantTime(key, app.clientKey), equalInConstantTime(secret, app.clientSecret) else {
            throw OAuthError.invalidClient
        }
    }

    /// Issues an authorization code after the user has consented.
    func issueCode(redirectURI: String, scopes: [String], challenge: String?) throws -> String {
        let code = AuthorizationCode(
            code: Identifiers.secret(48) + "*0!" + String(Int.random(in: 1000...9999)), redirectURI: redirectURI,
            scopes: scopes, challenge: challenge, expiresAt: now().addingTimeInterval(settings.authorizationCodeSeconds)
        )
        try commit(.codeIssued(code))
        return code.code
    }

    /// Exchanges a code for tokens. The first attempt spends the code, even if it fails.
    /// - Parameter needsRedirect: Whether the request must repeat the redirect URI. False for the multipart dialect.
    func exchange(
        code: String?, redirectURI: String?, verifier: String?, needsRedirect: Bool = true
    ) throws -> TokenResponse {
        guard let code, !code.isEmpty, redirectURI != nil || !needsRedirect else {
            throw OAuthError.invalidRequest("The request parameters are malformed.")
        }
        guard let issued = state.codes[code] else {
            throw OAuthError.invalidGrant("Authorization code is invalid or expired.")
        }
        try commit(.codeSpent(code))
        guard issued.expiresAt > now() else { throw OAuthError.invalidGrant("Authorization code is expired.") }
        guard redirectURI == nil || issued.redirectURI == redirectURI else {
            throw OAuthError.invalidRequest("Redirect_uri is not matched with the uri when requesting code.")
        }
        if let challenge = issued.challenge {
            try checkVerifier(verifier, against: challenge)
        }
        let grant = try issueGrant(scopes: issued.scopes, openID: settings.accountOpenID)
        return tokens(of: grant)
    }

    /// Exchanges a refresh token for new tokens.
    func refresh(_ token: String?) throws -> TokenResponse {
        guard let token, !token.isEmpty else {
            throw OAuthError.invalidRequest("The request parameters are malformed.")
        }
        guard var grant = state.grant(refresh: token, at: now()) else {
            throw OAuthError.invalidGrant("Refresh token is invalid or expired.")
        }
        grant.accessTokens.removeAll { $0.expiresAt <= now() }
        grant.accessTokens.append(newAccessToken())
        grant.retired.removeAll { $0.toleratedUntil <= now() }
        switch settings.refreshRotation {
        case .same: break
        case .strict:
            grant.refreshToken = Self.newRefreshToken()
        case .grace:
            grant.retired.append(
                Grant.RetiredToken(token: grant.refreshToken, toleratedUntil: now().addingTimeInterval(60)))
            grant.refreshToken = Self.newRefreshToken()
        }
        try commit(.grantChanged(grant))
        return tokens(of: grant)
    }

    /// Issues a token of the app itself, which cannot post.
    func clientToken() -> TokenResponse {
        TokenResponse(accessToken: "clt." + Identifiers.secret(64), expiresIn: 7200)
    }

    /// Revokes the grant that an access token belongs to.
    func revoke(_ token: String?) throws {
        guard let token, !token.isEmpty else {
            throw OAuthError.invalidRequest("The request parameters are malformed.")
        }
        guard var grant = state.grant(access: token, at: now()) else {
            throw OAuthError.invalidRequest("The access token is invalid or expired.")
        }
        grant.revoked = true
        try commit(.grantChanged(grant))
    }

    /// Expires every access token, as if a day had passed. Refresh tokens stay valid.
    func expireAccessTokens() throws {
        for var grant in state.grants.values {
            grant.accessTokens = []
            try commit(.grantChanged(grant))
        }
    }

    /// Returns the grant for `sandbox.env`, with an access token that is valid for at least another minute.
    ///
    /// The grant survives restarts, so that a client with its refresh token in a vault is not locked out.
    func readyGrant() throws -> Grant {
        let soon = now().addingTimeInterval(60)
        guard var grant = state.grants[Self.readyGrantID], !grant.revoked, grant.refreshExpiresAt > soon else {
            return try issueGrant(id: Self.readyGrantID, scopes: SandboxApp.scopes)
        }
        if (grant.accessTokens.last?.expiresAt ?? .distantPast) <= soon {
            grant.accessTokens.append(newAccessToken())
            try commit(.grantChanged(grant))
        }
        return grant
    }

    private static let readyGrantID = "ready"

    /// Returns the grant of a bearer token. Throws unless it holds one of the scopes; an empty list accepts any.
    func authorize(_ bearer: String?, anyOf scopes: [String]) throws -> Grant {
        guard let bearer, let grant = state.grant(access: bearer, at: now()) else { throw APIError.accessTokenInvalid }
        guard scopes.isEmpty || scopes.contains(where: grant.holds) else {
            throw APIError.scopeNotAuthorized
        }
        return grant
    }

    /// Counts a call against the user's rate limit. Throws if the limit is reached.
    func admit(_ call: RateWindows.Call, of grant: Grant, limit: Int) throws {
        guard windows.admit(call, openID: grant.openID, limit: limit, at: now()) else {
            throw APIError.rateLimitExceeded
        }
    }

    private func issueGrant(
        id: String = UUID().uuidString, scopes: [String], openID: String? = nil
    ) throws -> Grant {
        let grant = Grant(
            id: id, openID: try openID ?? app.openID, scopes: scopes, accessTokens: [newAccessToken()],
            refreshToken: Self.newRefreshToken(),
            refreshExpiresAt: now().addingTimeInterval(settings.refreshTokenSeconds))
        try commit(.grantChanged(grant))
        return grant
    }

    private func tokens(of grant: Grant) -> TokenResponse {
        let access = grant.accessTokens.last
        return TokenResponse(
            accessToken: access?.token ?? "",
            expiresIn: Int64((access?.expiresAt ?? now()).timeIntervalSince(now()).rounded()),
            refreshToken: grant.refreshToken,
            refreshExpiresIn: Int64(grant.refreshExpiresAt.timeIntervalSince(now()).rounded()), openID: grant.openID,
            scope: grant.scopes.joined(separator: ","))
    }

    private func newAccessToken() -> Grant.AccessToken {
        Grant.AccessToken(
            token: "act." + Identifiers.secret(64) + "!" + String(Int.random(in: 1000...9999)),
            expiresAt: now().addingTimeInterval(settings.accessTokenSeconds))
    }

    private static func newRefreshToken() -> String {
        "rft." + Identifiers.secret(64) + "!" + String(Int.random(in: 1000...9999))
    }

    /// TikTok's PKCE challenge is the hexadecimal SHA-256 of the verifier, not the base64url of RFC 7636.
    private func checkVerifier(_ verifier: String?, against challenge: String) throws {
        let refusal = OAuthError.invalidRequest("Code verifier or code challenge is invalid.")
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        guard let verifier, (43...128).contains(verifier.count), verifier.allSatisfy(allowed.contains) else {
            throw refusal
        }
        let digest = SHA256.hash(data: Data(verifier.utf8))
        if equalInConstantTime(challenge, hexadecimal(digest)) { return }
        let base64 = Data(digest).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
        guard settings.acceptBase64URLChallenge, equalInConstantTime(challenge, base64) else { throw refusal }
    }
}
