package import Foundation
package import PipelineKit

/// What TikTok gives for a code or a refresh token. Persist it before the access token is used: the refresh token may
/// have been rotated.
package struct OAuthTokens: Sendable, Hashable {
    /// The bearer token of API calls.
    package var accessToken: Secret
    /// When the access token ends.
    package var expiresAt: Date
    /// Renews the access token; replaces the one that was sent.
    package var refreshToken: Secret
    /// When the refresh token ends. It does not move with refreshes.
    package var refreshExpiresAt: Date
    /// The user's id, stable per user and app.
    package var openID: String
    /// Permissions that the user really granted.
    package var scopes: [String]
}

/// The token object of the flat OAuth shape.
struct OAuthAnswer: Decodable {
    var access_token: String
    var expires_in: LenientInt64
    var refresh_token: String
    var refresh_expires_in: LenientInt64?
    var open_id: String?
    var scope: String?

    func tokens(at now: Date) -> OAuthTokens {
        OAuthTokens(
            accessToken: Secret(access_token), expiresAt: now.addingTimeInterval(Double(expires_in.value)),
            refreshToken: Secret(refresh_token),
            refreshExpiresAt: now.addingTimeInterval(Double(refresh_expires_in?.value ?? 31_536_000)),
            openID: open_id ?? "",
            scopes: (scope ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    }
}

/// The error object of the flat OAuth shape.
struct OAuthErrorAnswer: Decodable {
    var error: String?
    var error_description: String?
    var log_id: String?
}
