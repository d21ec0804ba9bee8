import Foundation
import PipelineKit
import Testing

@testable import TikTok

@Suite struct OAuthTests {
    let now = Date(timeIntervalSince1970: 1_000)

    func client(_ steps: ScriptedTransport.Step...) -> (OAuthClient, ScriptedTransport) {
        let transport = ScriptedTransport(steps)
        return (
            OAuthClient(
                .live, transport: transport, clientKey: "ck", clientSecret: Secret("cs&="), now: { [now] in now }),
            transport
        )
    }

    @Test func challengeIsHexAndNotBase64URL() {
        #expect(
            PKCE.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
                == "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3")
        let verifier = PKCE.verifier()
        #expect((43...128).contains(verifier.count))
        #expect(verifier != PKCE.verifier())
        #expect(PKCE.challenge(verifier).count == 64)
    }

    @Test func refreshGivesTheRotatedPairWithItsExpiries() async throws {
        let (client, transport) = client(
            .answer(
                200,
                #"{"access_token":"act.2","expires_in":86400,"open_id":"o","refresh_expires_in":31522158,"refresh_token":"rft.2","scope":"user.info.basic,video.publish","token_type":"Bearer"}"#
            ))
        let tokens = try await client.refresh(Secret("rft.1"))
        #expect(tokens.accessToken == Secret("act.2"))
        #expect(tokens.refreshToken == Secret("rft.2"))
        #expect(tokens.expiresAt == now.addingTimeInterval(86_400))
        #expect(tokens.refreshExpiresAt == now.addingTimeInterval(31_522_158))
        #expect(tokens.scopes == ["user.info.basic", "video.publish"])
        #expect(!"\(tokens)".contains("act.2"))
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://open.tiktokapis.com/v2/oauth/token/")
        #expect(request.text == "client_key=ck&client_secret=cs%26%3D&grant_type=refresh_token&refresh_token=rft.1")
        #expect(request.header("Content-Type") == "application/x-www-form-urlencoded")
    }

    @Test(arguments: [200, 400, 401])
    func aNonEmptyErrorIsFailureWhateverTheStatus(status: Int) async {
        let (client, _) = client(
            .answer(
                status, #"{"error":"invalid_grant","error_description":"Refresh token rft.1 is invalid.","log_id":"L"}"#
            )
        )
        do throws(APIFailure) {
            _ = try await client.refresh(Secret("rft.1"))
            Issue.record("no failure")
        } catch {
            guard case .refused(let refusal) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(refusal.code == "invalid_grant")
            #expect(!refusal.message.contains("rft.1"))
            #expect(StageError(tiktokLogin: refusal).outcome == .notAuthorised)
        }
    }

    @Test func anEmptyErrorIsNone() async throws {
        let (client, _) = client(
            .answer(200, #"{"error":"","access_token":"a","expires_in":"60","refresh_token":"r"}"#))
        #expect(try await client.refresh(Secret("x")).expiresAt == now.addingTimeInterval(60))
    }

    @Test func exchangeSendsTheVerifierAndTheSameRedirect() async throws {
        let (client, transport) = client(.answer(200, #"{"access_token":"a","expires_in":60,"refresh_token":"r"}"#))
        _ = try await client.exchange(
            code: Secret("c*1"), redirectURI: "http://127.0.0.1:3455/callback/", verifier: Secret("v"))
        #expect(
            transport.requests.first?.text
                == "client_key=ck&client_secret=cs%26%3D&code=c%2A1&grant_type=authorization_code&redirect_uri=http%3A%2F%2F127.0.0.1%3A3455%2Fcallback%2F&code_verifier=v"
        )
    }

    @Test(arguments: ["", "{}"]) func revokeNeedsNoBody(body: String) async throws {
        let (client, transport) = client(.answer(200, body))
        try await client.revoke(accessToken: Secret("act.1"))
        #expect(transport.requests.first?.text.hasSuffix("token=act.1") == true)
    }
}
