import Crypto
import Foundation
import Hummingbird
import HummingbirdTesting
import PipelineKit
import Server
import Synchronization
import Testing
import TikTok

/// A web app's login, as a browser goes through it.
@Suite struct TikTokAuthControllerTests {
    /// An app whose clock, claims and exchanges the test sees.
    private final class App: Sendable {
        let now = Mutex(Date(timeIntervalSince1970: 1_700_000_000))
        let claimed = Mutex<Set<String>>([])
        let connected = Mutex<[String]>([])
        let failure: StageError?

        init(failing failure: StageError? = nil) { self.failure = failure }

        func router(key: UInt8 = 1, redirectURI: String = "https://app.example/auth/tiktok/callback") -> Router<
            BasicRequestContext
        > {
            let host = TikTokAuthController.Host(
                clientKey: "ck", authorizeURL: "https://www.tiktok.com/v2/auth/authorize/", redirectURI: redirectURI,
                scopes: ["video.publish"], now: { self.now.withLock { $0 } },
                connect: { (login) throws(StageError) in
                    _ = try login.request.code(in: login.answer)
                    if let failure = self.failure { throw failure }
                    self.connected.withLock { $0.append(login.account) }
                    return ["Account \"\(login.account)\" is connected as <Ann>."]
                }, claim: { state, _ in self.claimed.withLock { $0.insert(state.reveal()).inserted } })
            let router = Router()
            TikTokAuthController(host, key: SymmetricKey(data: Data(repeating: key, count: 32))).add(to: router)
            return router
        }

        func client(_ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
            try await Application(router: router()).test(.router, body)
        }
    }

    private struct Begun {
        var state: String
        var cookie: String
        var attributes: String
    }

    private static func begin(_ client: any TestClientProtocol, _ query: String = "") async throws -> Begun {
        let response = try await client.execute(uri: "/auth/tiktok/login" + query, method: .get)
        #expect(response.status == .seeOther)
        let location = try #require(response.headers[.location])
        #expect(location.hasPrefix("https://www.tiktok.com/v2/auth/authorize/?client_key=ck&response_type=code"))
        #expect(!location.contains("code_challenge"))
        let set = try #require(response.headers[.setCookie])
        let state = try #require(URLComponents(string: location)?.queryItems?.first { $0.name == "state" }?.value)
        return Begun(state: state, cookie: String(set.prefix { $0 != ";" }), attributes: set)
    }

    private static func come(
        back query: String, cookie: String?, _ client: any TestClientProtocol
    ) async throws -> (status: Int, text: String, headers: [String]) {
        let response = try await client.execute(
            uri: "/auth/tiktok/callback?" + query, method: .get, headers: cookie.map { [.cookie: $0] } ?? [:])
        return (
            response.status.code, String(buffer: response.body),
            [response.headers[.setCookie] ?? "", response.headers[.cacheControl] ?? ""]
        )
    }

    @Test func aLoginCountsInItsBrowserOnce() async throws {
        let app = App()
        try await app.client { client in
            let begun = try await Self.begin(client, "?account=brand")
            for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/auth/tiktok", "Max-Age=600"] {
                #expect(begun.attributes.contains(attribute), "\(begun.attributes)")
            }
            let done = try await Self.come(back: "code=c&state=\(begun.state)", cookie: begun.cookie, client)
            #expect(done.status == 200)
            #expect(done.text.contains("Account &quot;brand&quot; is connected as &lt;Ann&gt;."))
            #expect(done.headers[0].contains("Max-Age=0") && done.headers[1] == "no-store")
            let again = try await Self.come(back: "code=c&state=\(begun.state)", cookie: begun.cookie, client)
            #expect(again.status == 400 && again.text.contains("already used"))
        }
        #expect(app.connected.withLock { $0 } == ["brand"])
    }

    @Test func anotherBrowserAnotherStateAndForgeriesAreRefused() async throws {
        let app = App()
        try await app.client { client in
            let begun = try await Self.begin(client)
            let answer = "code=c&state=\(begun.state)"
            #expect(try await Self.come(back: answer, cookie: nil, client).status == 400)
            #expect(try await Self.come(back: "code=c&state=other", cookie: begun.cookie, client).status == 400)
            let other = try await Self.begin(client)
            #expect(try await Self.come(back: answer, cookie: other.cookie, client).status == 400)
            var forged = begun.cookie
            let last = forged.removeLast()
            forged.append(last == "0" ? "1" : "0")
            #expect(try await Self.come(back: answer, cookie: forged, client).status == 400)
            #expect(try await Self.come(back: answer, cookie: "spreader_login=a.b.c.d", client).status == 400)
        }
        #expect(app.connected.withLock { $0 }.isEmpty)
        #expect(app.claimed.withLock { $0 }.isEmpty)
    }

    @Test func aLoginEndsAfterTenMinutes() async throws {
        let app = App()
        try await app.client { client in
            let begun = try await Self.begin(client)
            app.now.withLock { $0 += 599 }
            let other = try await Self.begin(client)
            app.now.withLock { $0 += 2 }
            let late = try await Self.come(back: "code=c&state=\(begun.state)", cookie: begun.cookie, client)
            #expect(late.status == 400 && late.text.contains("ten minutes"))
            #expect(
                try await Self.come(back: "code=c&state=\(other.state)", cookie: other.cookie, client).status == 200)
        }
    }

    @Test func refusalsAndFailuresAreExplained() async throws {
        let app = App(failing: StageError(.unavailable, "TikTok had an internal error", hint: "try again later"))
        try await app.client { client in
            let refused = try await Self.begin(client)
            let page = try await Self.come(
                back: "error=access_denied&state=\(refused.state)", cookie: refused.cookie, client)
            #expect(page.status == 400 && page.text.contains("denied access"))
            let begun = try await Self.begin(client)
            let failed = try await Self.come(back: "code=c&state=\(begun.state)", cookie: begun.cookie, client)
            #expect(failed.status == 502 && failed.text.contains("try again later"))
            let name = try await client.execute(uri: "/auth/tiktok/login?account=%3Cb%3E", method: .get)
            #expect(name.status == .badRequest)
        }
    }
}
