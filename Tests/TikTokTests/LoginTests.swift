import Foundation
import PipelineKit
import Testing

@testable import TikTok

@Suite struct LoginTests {
    private let request = LoginRequest(
        clientKey: "ck", scopes: ["user.info.basic", "video.publish"], redirectURI: "http://127.0.0.1:3455/callback/",
        state: Secret("st"), verifier: Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))

    @Test func theConsentPageIsAskedInTikToksDialect() {
        #expect(
            request.address(at: "https://www.tiktok.com/v2/auth/authorize/")
                == "https://www.tiktok.com/v2/auth/authorize/?client_key=ck&response_type=code"
                + "&scope=user.info.basic%2Cvideo.publish&redirect_uri=http%3A%2F%2F127.0.0.1%3A3455%2Fcallback%2F&state=st"
                + "&code_challenge=13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
                + "&code_challenge_method=S256")
        let web = LoginRequest(
            clientKey: "ck", redirectURI: "https://app.example/auth/tiktok/callback", usesPKCE: false, asksAgain: true)
        let address = web.address(at: "https://p/")
        #expect(!address.contains("code_challenge") && address.hasSuffix("&disable_auto_auth=1"))
        #expect(LoginRequest(clientKey: "ck", redirectURI: "r", usesPKCE: true).state != web.state)
    }

    @Test func aCodeIsDecodedOnceAndCountsOnlyWithItsState() throws {
        #expect(
            try request.code(in: LoginAnswer(query: "code=a%2Ab%2521%2Bc+d&scopes=x&state=st")).reveal() == "a*b%21+c+d"
        )
        for query in [
            "code=a&state=other", "code=a", "", "state=st", "code=&state=st", "code=a&state=s", "state=stt&code=a",
        ] {
            #expect(throws: StageError.self, "\(query)") { try request.code(in: LoginAnswer(query: query)) }
        }
    }

    @Test func refusalsSayWhoseTheyAre() {
        func failure(_ query: String) -> StageError? {
            do throws(StageError) {
                _ = try request.code(in: LoginAnswer(query: query))
                return nil
            } catch {
                return error
            }
        }
        let denied = failure("error=access_denied&error_description=The+user+denied%20it&state=st")
        #expect(denied?.message == "the creator denied access [access_denied]")
        #expect(denied?.cause == "The user denied it")
        #expect(denied?.outcome == .notAuthorised)
        #expect(failure("error=invalid_scope&state=st")?.message == "TikTok ended the login [invalid_scope]")
        // Without its state an error is anyone's.
        #expect(failure("error=access_denied")?.message.contains("does not belong") == true)
        #expect(failure("error=%3Cscript%3E&state=st")?.message.contains("<") == false)
    }

    @Test func anAddressIsReadAsItIsCopied() throws {
        let answer = try #require(LoginAnswer(address: "  http://127.0.0.1:3455/callback/?code=c&state=st#x \n"))
        #expect(try request.code(in: answer).reveal() == "c")
        #expect(LoginAnswer(address: "http://127.0.0.1:3455/callback/") == nil)
    }

    @Test func whatIsMissingIsToldByItsConsequences() {
        let none = GrantedScopes(requested: LoginRequest.usualScopes, granted: LoginRequest.usualScopes)
        #expect(none.missing.isEmpty && none.consequences.isEmpty && none.canPost)
        let drafts = GrantedScopes(requested: LoginRequest.usualScopes, granted: ["user.info.basic", "video.upload"])
        #expect(drafts.missing == ["video.publish"] && drafts.canPost)
        #expect(drafts.consequences.first?.contains("drafts (`mode: inbox`) are") == true)
        let nothing = GrantedScopes(requested: LoginRequest.usualScopes, granted: [])
        #expect(nothing.missing.count == 3 && !nothing.canPost)
    }

    @Test func aLoginIsExchangedWithItsVerifierAndItsOwnerIsAsked() async throws {
        let transport = ScriptedTransport([
            .answer(
                200,
                #"{"access_token":"act.1","expires_in":86400,"open_id":"o","refresh_expires_in":31536000,"refresh_token":"rft.1","scope":"user.info.basic,video.upload","token_type":"Bearer"}"#
            ),
            .answer(200, #"{"data":{"user":{"open_id":"o","display_name":"Ann"}},"error":{"code":"ok"}}"#),
        ])
        let login = AccountLogin(.live, transport: transport, clientSecret: Secret("cs"), now: { .distantPast })
        let account = try await login.complete(request, with: LoginAnswer(query: "code=c&state=st"))
        #expect(account.user?.displayName == "Ann")
        #expect(account.scopes.missing == ["video.publish"])
        let exchange = try #require(transport.requests.first)
        #expect(exchange.text.contains("code=c&grant_type=authorization_code"))
        #expect(exchange.text.contains("code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
        #expect(exchange.text.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A3455%2Fcallback%2F"))
    }
}
