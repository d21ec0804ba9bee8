package import Foundation
package import PipelineKit

/// The tokens that TikTok issues for a code or a refresh token. Persist them before using the access token: TikTok may
/// have rotated the refresh token.
package struct OAuthTokens: Sendable, Hashable {
    /// The bearer token for API calls.
    package var accessToken: Secret
    /// When the access token expires.
    package var expiresAt: Date
    /// The token that renews the access token; it replaces the one sent.
    package var refreshToken: Secret
    /// When the refresh token expires. Refreshing does not extend it.
    package var refreshExpiresAt: Date
    /// The id of the user, stable for one app.
    package var openID: String
    /// The permissions that the user granted.
    package var scopes: [String]
}

/// A successful response of the token endpoint.
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

/// An error response of the OAuth endpoints.
struct OAuthErrorAnswer: Decodable {
    var error: String?
    var error_description: String?
    var log_id: String?
}
