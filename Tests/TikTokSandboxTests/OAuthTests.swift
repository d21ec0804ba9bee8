import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct OAuthTests {
    static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    static let hexChallenge = "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
    static let base64Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    @Test func acceptsAHexadecimalPKCEChallenge() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let tokens = try await sandbox.consent(challenge: Self.hexChallenge, verifier: Self.verifier)
            #expect(tokens["access_token"]?.stringValue?.hasPrefix("act.") == true)
            #expect(tokens["refresh_token"]?.stringValue?.hasPrefix("rft.") == true)
            #expect(tokens["expires_in"] == 86_400 && tokens["refresh_expires_in"] == 31_536_000)
            #expect(tokens["token_type"] == "Bearer" && tokens["scope"] == "user.info.basic,video.publish")
        }
    }

    @Test func rejectsABase64PKCEChallengeAtTheTokenEndpoint() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let reply = try await sandbox.consent(challenge: Self.base64Challenge, verifier: Self.verifier)
            #expect(reply["error"] == "invalid_request")
            #expect(reply["error_description"] == "Code verifier or code challenge is invalid.")
            let wrong = try await sandbox.consent(
                challenge: Self.hexChallenge, verifier: String(Self.verifier.reversed()))
            #expect(wrong["error"] == "invalid_request")
            try await sandbox.setFaults(#"{"settings": {"acceptBase64URLChallenge": true}}"#)
            #expect(try await sandbox.consent(challenge: Self.base64Challenge, verifier: Self.verifier)["error"] == nil)
        }
    }

    @Test func codeWorksOnceAndOnlyForItsRedirectURI() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let code = try await sandbox.code()
            let fields = sandbox.tokenRequest(code: code)
            #expect(try await sandbox.form("/v2/oauth/token/", fields).status == 200)
            let again = try await sandbox.form("/v2/oauth/token/", fields)
            #expect(again.status == 400 && again.oauthError == "invalid_grant")
            var other = sandbox.tokenRequest(code: try await sandbox.code())
            other["redirect_uri"] = "http://localhost:1/other/"
            #expect(try await sandbox.form("/v2/oauth/token/", other).json["error"] == "invalid_request")
            let late = sandbox.tokenRequest(code: try await sandbox.code())
            sandbox.clock.advance(601)
            #expect(try await sandbox.form("/v2/oauth/token/", late).json["error"] == "invalid_grant")
        }
    }

    @Test func refreshRotatesTheTokenWithoutExtendingItsExpiry() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            sandbox.clock.advance(1000)
            let old = sandbox.endpoint.refreshToken
            let first = try await sandbox.refresh(old).json
            #expect(first["refresh_expires_in"] == 31_535_000 && first["expires_in"] == 86_400)
            let new = try #require(first["refresh_token"]?.stringValue)
            #expect(new != old)
            let reused = try await sandbox.refresh(old)
            #expect(reused.status == 400 && reused.oauthError == "invalid_grant")
            let token = try #require(try await sandbox.refresh(new).json["access_token"]?.stringValue)
            #expect(try await sandbox.call("/v2/post/publish/creator_info/query/", token: token).code == "ok")
        }
    }

    @Test func settingsRelaxTokenRotation() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let old = sandbox.endpoint.refreshToken
            try await sandbox.setFaults(#"{"settings": {"refreshRotation": "same"}}"#)
            #expect(try await sandbox.refresh(old).json["refresh_token"]?.stringValue == old)
            try await sandbox.setFaults(#"{"settings": {"refreshRotation": "grace"}}"#)
            #expect(try await sandbox.refresh(old).json["refresh_token"]?.stringValue != old)
            #expect(try await sandbox.refresh(old).status == 200)
            sandbox.clock.advance(120)
            #expect(try await sandbox.refresh(old).status == 400)
        }
    }

    @Test func checksClientCredentialsAndGrantType() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let client = ["client_key": sandbox.endpoint.clientKey, "client_secret": sandbox.endpoint.clientSecret]
            let token = try await sandbox.form(
                "/v2/oauth/token/", client.merging(["grant_type": "client_credentials"]) { $1 })
            #expect(try token.json["access_token"]?.stringValue?.hasPrefix("clt.") == true)
            #expect(try token.json["expires_in"] == 7200)
            let wrong = try await sandbox.form(
                "/v2/oauth/token/",
                ["client_key": sandbox.endpoint.clientKey, "client_secret": "x", "grant_type": "client_credentials"])
            #expect(wrong.status == 401 && wrong.oauthError == "invalid_client")
            let grant = try await sandbox.form("/v2/oauth/token/", client.merging(["grant_type": "password"]) { $1 })
            #expect(try grant.json["error"] == "unsupported_grant_type")
            try await sandbox.setFaults(#"{"settings": {"oauthErrorsAnswer200": true}}"#)
            let lenient = try await sandbox.form("/v2/oauth/token/", client)
            #expect(lenient.status == 200 && lenient.oauthError != nil)
        }
    }

    @Test func revocationInvalidatesBothTokens() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let fields = ["client_key": sandbox.endpoint.clientKey, "client_secret": sandbox.endpoint.clientSecret]
            let refresh = try await sandbox.form(
                "/v2/oauth/revoke/", fields.merging(["token": sandbox.endpoint.refreshToken]) { $1 })
            #expect(refresh.status == 400)
            let reply = try await sandbox.form(
                "/v2/oauth/revoke/", fields.merging(["token": sandbox.endpoint.accessToken]) { $1 })
            #expect(reply.status == 200)
            #expect(try await sandbox.call("/v2/post/publish/creator_info/query/").code == "access_token_invalid")
            #expect(try await sandbox.refresh(sandbox.endpoint.refreshToken).status == 400)
        }
    }

    @Test func consentPageRedirectsWithTheUsersDecision() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let page = try await sandbox.send("GET", sandbox.authorizePath(extra: ""))
            #expect(page.status == 200 && page.text.contains("video.publish") && page.text.contains("Authorize"))
            var form = [
                "client_key": sandbox.endpoint.clientKey, "response_type": "code",
                "redirect_uri": SandboxHarness.redirect,
                "scope": "user.info.basic,video.publish", "state": "s&1", "decision": "approve",
                "granted": "video.publish",
            ]
            let approved = try await sandbox.form("/v2/auth/authorize/", form)
            #expect(approved.status == 302)
            let values = approved.redirectValues
            #expect(values["scopes"] == "video.publish" && values["state"] == "s&1" && values["code"] != nil)
            form["decision"] = "deny"
            let denied = try await sandbox.form("/v2/auth/authorize/", form).redirectValues
            #expect(denied["error"] == "access_denied" && denied["state"] == "s&1" && denied["code"] == nil)
            form["decision"] = "approve"
            form["client_key"] = "other"
            #expect(try await sandbox.form("/v2/auth/authorize/", form).status == 400)
        }
    }

    @Test(arguments: [
        ("https://dev.example.com/auth/callback/", true), ("http://127.0.0.1:3455/callback/", true),
        ("http://localhost:3455/callback/", true), ("http://localhost/callback/", false),
        ("http://example.com:80/", false),
        ("https://example.com/?a=b", false), ("https://example.com/#f", false), ("javascript:alert(1)", false),
        ("", false),
    ])
    func acceptsOnlyRegistrableRedirectURIs(address: String, accepted: Bool) {
        #expect(ConsentRequest.isRegistrable(address) == accepted)
    }

    @Test func expiringAccessTokensKeepsRefreshTokens() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            #expect(try await sandbox.send("POST", "/_sandbox/tokens/expire").status == 200)
            #expect(try await sandbox.call("/v2/post/publish/creator_info/query/").code == "access_token_invalid")
            let token = try await sandbox.refreshedAccessToken()
            #expect(try await sandbox.call("/v2/post/publish/creator_info/query/", token: token).code == "ok")
        }
    }
}
