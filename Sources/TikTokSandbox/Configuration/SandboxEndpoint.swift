/// A running sandbox: its address, and the credentials of an account that has already given consent.
package struct SandboxEndpoint: Sendable {
    /// The address of the API and of the feed page, without a trailing slash: `http://127.0.0.1:N`.
    package var baseURL: String
    /// The key of the sandbox's only app.
    package var clientKey: String
    package var clientSecret: String
    /// An access token of that account, valid when the server starts.
    package var accessToken: String
    package var refreshToken: String
    /// The scopes that the account granted.
    package var scopes: [String]

    /// The environment variables that point a client at this sandbox, in the order of `sandbox.env`.
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
