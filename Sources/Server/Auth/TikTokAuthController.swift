package import Crypto
package import Foundation
import HTTPTypes
package import Hummingbird
package import PipelineKit
package import PluginProtocol
package import TikTok

/// Connects accounts in a web app: a login button's address, and the address that TikTok sends the browser back to.
///
/// `GET /auth/tiktok/login?account=NAME` sends the browser to TikTok's consent page; `GET /auth/tiktok/callback`
/// exchanges the code. A login counts only in the browser that began it, once, for ten minutes.
package struct TikTokAuthController: Sendable {
    /// What the controller needs of the rest.
    package struct Host: Sendable {
        /// The app's key.
        package var clientKey: String
        /// The consent page.
        package var authorizeURL: String
        /// The redirect URI as registered in TikTok's developer portal, byte for byte.
        package var redirectURI: String
        /// Permissions to ask for.
        package var scopes: [String]
        /// Time.
        package var now: @Sendable () -> Date
        /// Exchanges the code and stores the account; gives what to show.
        package var connect:
            @Sendable (_ account: String, LoginRequest, LoginAnswer) async throws(StageError) -> [String]
        /// Takes a state that was not taken before; false for one that was. Shared by all processes of the app.
        package var claim: @Sendable (_ state: Secret, _ until: Date) async throws(StageError) -> Bool

        /// A host; see the properties.
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

    /// A controller.
    /// - Parameter key: Signs cookies; all processes of the app have the same.
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
                title: "No such account name",
                lines: ["An account's name has letters, digits, dots, dashes and underscores."], isGood: false
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
        // Used or not, this login is over.
        response.setCookie(cookie("", seconds: 0))
        return response
    }

    private func connect(_ request: Request) async throws(StageError) -> [String] {
        let again = "begin again with the login button"
        guard let value = request.cookies[LoginCookie.name]?.value,
            let cookie = LoginCookie(value, key: key, at: host.now())
        else {
            throw StageError(
                .notAuthorised, "this browser has no login under way, or it took longer than ten minutes", hint: again)
        }
        let login = LoginRequest(
            clientKey: host.clientKey, scopes: host.scopes, redirectURI: host.redirectURI,
            state: Secret(cookie.state), verifier: nil)
        let answer = LoginAnswer(query: request.uri.query ?? "")
        _ = try login.code(in: answer)
        guard try await host.claim(Secret(cookie.state), cookie.expiresAt) else {
            throw StageError(.notAuthorised, "this login was used already", hint: again)
        }
        return try await host.connect(cookie.account, login, answer)
    }

    private func cookie(_ value: String, seconds: Int) -> Cookie {
        Cookie(
            name: LoginCookie.name, value: value, maxAge: seconds, path: "/auth/tiktok",
            secure: host.redirectURI.hasPrefix("https:"), httpOnly: true, sameSite: .lax)
    }
}
