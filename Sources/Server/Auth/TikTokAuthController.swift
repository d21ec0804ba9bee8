package import Crypto
package import Foundation
import HTTPTypes
package import Hummingbird
package import PipelineKit
package import TikTok

/// Connects accounts in a web app.
///
/// `GET /auth/tiktok/login?account=NAME` redirects the browser to TikTok's consent page; `GET /auth/tiktok/callback`
/// exchanges the code. A login is valid once, for ten minutes, and only in the browser that started it.
package struct TikTokAuthController: Sendable {
    /// The settings and services that the controller uses.
    package struct Host: Sendable {
        /// The client key of the app.
        package var clientKey: String
        /// The URL of the consent page.
        package var authorizeURL: String
        /// The redirect URI as registered in TikTok's developer portal, byte for byte.
        package var redirectURI: String
        /// The permissions to request.
        package var scopes: [String]
        package var now: @Sendable () -> Date
        /// Exchanges the code and stores the account. Returns the lines to show in the browser.
        package var connect:
            @Sendable (_ account: String, LoginRequest, LoginAnswer) async throws(StageError) -> [String]
        /// Claims a state, so that a login is used only once. Returns false if any process of the app has claimed it
        /// before.
        package var claim: @Sendable (_ state: Secret, _ until: Date) async throws(StageError) -> Bool

        package init(
            clientKey: String, authorizeURL: String, redirectURI: String, scopes: [String],
            now: @escaping @Sendable () -> Date,
            connect: @escaping @Sendable (String, LoginRequest, LoginAnswer) async throws(StageError) -> [String],
            claim: @escaping @Sendable (Secret, Date) async throws(StageError) -> Bool
        ) {
            self.clientKey = clientKey
            self.authorizeURL = authorizeURL
            self.redirectURI = redirectURI
            self.scopes = scopes
            self.now = now
            self.connect = connect
            self.claim = claim
        }
    }

    private let host: Host
    private let key: SymmetricKey

    /// Creates a controller.
    /// - Parameter key: Signs the cookies. All processes of the app must use the same key.
    package init(_ host: Host, key: SymmetricKey) {
        self.host = host
        self.key = key
    }

    /// Adds the two routes.
    package func add<Context: Hummingbird.RequestContext>(to router: Router<Context>) {
        router.get("/auth/tiktok/login") { request, _ in login(request) }
        router.get("/auth/tiktok/callback") { request, _ in await callback(request) }
    }

    private func login(_ request: Request) -> Response {
        let account = request.uri.queryParameters["account"].map(String.init) ?? "default"
        guard AccountName.isValid(account) else {
            return NoticePage(
                title: "Invalid account name",
                lines: ["Account names may contain letters, digits, dots, dashes and underscores."], isGood: false
            ).response(.badRequest)
        }
        let login = LoginRequest(
            clientKey: host.clientKey, scopes: host.scopes, redirectURI: host.redirectURI, usesPKCE: false,
            asksAgain: true)
        let cookie = LoginCookie(state: login.state.reveal(), account: account, at: host.now())
        var response = Response(status: .seeOther)
        response.headers[.location] = login.address(at: host.authorizeURL)
        response.headers[.cacheControl] = "no-store"
        response.setCookie(self.cookie(cookie.signed(with: key), seconds: Int(LoginCookie.lifetime)))
        return response
    }

    private func callback(_ request: Request) async -> Response {
        var response: Response
        do throws(StageError) {
            let lines = try await connect(request)
            response = NoticePage(title: "Connected", lines: lines, isGood: true).response()
        } catch {
            response = NoticePage(
                title: "Not connected", lines: [error.message] + [error.hint].compactMap { $0 }, isGood: false
            ).response(error.outcome == .unavailable ? .badGateway : .badRequest)
        }
        // Delete the cookie: the login ended, successful or not.
        response.setCookie(cookie("", seconds: 0))
        return response
    }

    private func connect(_ request: Request) async throws(StageError) -> [String] {
        let again = "start again with the login button"
        guard let value = request.cookies[LoginCookie.name]?.value,
            let cookie = LoginCookie(value, key: key, at: host.now())
        else {
            throw StageError(
                .notAuthorised, "this browser has no login in progress, or the login took longer than ten minutes",
                hint: again)
        }
        let login = LoginRequest(
            clientKey: host.clientKey, scopes: host.scopes, redirectURI: host.redirectURI,
            state: Secret(cookie.state), verifier: nil)
        let answer = LoginAnswer(query: request.uri.query ?? "")
        _ = try login.code(in: answer)
        guard try await host.claim(Secret(cookie.state), cookie.expiresAt) else {
            throw StageError(.notAuthorised, "this login was already used", hint: again)
        }
        return try await host.connect(cookie.account, login, answer)
    }

    private func cookie(_ value: String, seconds: Int) -> Cookie {
        Cookie(
            name: LoginCookie.name, value: value, maxAge: seconds, path: "/auth/tiktok",
            secure: host.redirectURI.hasPrefix("https:"), httpOnly: true, sameSite: .lax)
    }
}
