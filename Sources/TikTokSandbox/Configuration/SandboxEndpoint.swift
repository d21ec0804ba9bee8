/// A running sandbox: where it listens and the ready account that clients can use at once.
package struct SandboxEndpoint: Sendable {
    /// The address of the API and of the feed page, without a trailing slash: `http://127.0.0.1:N`.
    package var baseURL: String
    /// The key of the app that is registered in this sandbox.
    package var clientKey: String
    /// The secret that belongs to ``clientKey``.
    package var clientSecret: String
    /// An access token of the ready account; valid when the server started.
    package var accessToken: String
    /// The refresh token that belongs to ``accessToken``.
    package var refreshToken: String
    /// The scopes that the ready account granted.
    package var scopes: [String]

    /// The settings of a client, in the order in which `sandbox.env` lists them.
    package var environment: [(name: String, value: String)] {
        [
            ("TIKTOK_API_BASE_URL", baseURL),
            ("TIKTOK_AUTHORIZE_URL", baseURL + "/v2/auth/authorize/"),
            ("TIKTOK_CLIENT_KEY", clientKey),
            ("TIKTOK_CLIENT_SECRET", clientSecret),
            ("TIKTOK_ACCESS_TOKEN", accessToken),
            ("TIKTOK_REFRESH_TOKEN", refreshToken),
        ]
    }
}
