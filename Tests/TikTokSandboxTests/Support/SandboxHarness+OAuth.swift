import Foundation
import Testing

@testable import TikTokSandbox

extension SandboxHarness {
    static let redirect = "http://127.0.0.1:3455/callback/"

    func authorizePath(
        scopes: String = "user.info.basic,video.publish", challenge: String? = nil, extra: String = "&auto=1"
    ) -> String {
        let redirect = Self.redirect.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let pkce = challenge.map { "&code_challenge=\($0)&code_challenge_method=S256" } ?? ""
        return "/v2/auth/authorize/?client_key=\(endpoint.clientKey)&response_type=code&scope=\(scopes)"
            + "&redirect_uri=\(redirect)&state=xyz\(pkce)\(extra)"
    }

    func code(scopes: String = "user.info.basic,video.publish", challenge: String? = nil) async throws -> String {
        let reply = try await send("GET", authorizePath(scopes: scopes, challenge: challenge))
        #expect(reply.status == 302 && reply.redirectValues["state"] == "xyz")
        return try #require(reply.redirectValues["code"])
    }

    func tokenRequest(code: String, verifier: String? = nil) -> [String: String] {
        var fields = [
            "client_key": endpoint.clientKey, "client_secret": endpoint.clientSecret,
            "grant_type": "authorization_code",
            "code": code, "redirect_uri": Self.redirect,
        ]
        fields["code_verifier"] = verifier
        return fields
    }

    /// Gives consent and exchanges the code. Returns the response of the token endpoint.
    func consent(
        scopes: String = "user.info.basic,video.publish", challenge: String? = nil, verifier: String? = nil
    ) async throws -> SandboxJSON {
        let code = try await code(scopes: scopes, challenge: challenge)
        return try await form("/v2/oauth/token/", tokenRequest(code: code, verifier: verifier)).json
    }

    func refresh(_ token: String) async throws -> Reply {
        try await form(
            "/v2/oauth/token/",
            [
                "client_key": endpoint.clientKey, "client_secret": endpoint.clientSecret, "grant_type": "refresh_token",
                "refresh_token": token,
            ])
    }

    /// A new access token for the account of `sandbox.env`.
    func refreshedAccessToken() async throws -> String {
        try #require(try await refresh(endpoint.refreshToken).json["access_token"]?.stringValue)
    }
}

extension Reply {
    /// The query of the URL in the `Location` header.
    var redirectValues: [String: String] {
        let items = headers["location"].flatMap { URLComponents(string: $0)?.queryItems } ?? []
        return Dictionary(items.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { $1 })
    }
}
