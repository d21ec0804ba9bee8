import Foundation
import Hummingbird
import NIOCore
package import PipelineKit
import Synchronization
package import TikTok

/// A temporary server on this machine that receives one browser's redirect from TikTok's consent page.
package struct LoopbackCallback: Sendable {
    /// The result of a request to the callback.
    package enum Outcome: Sendable {
        /// The login ended; the browser shows this text.
        case finished(title: String, lines: [String], isGood: Bool)
        /// The request does not belong to this login: the server keeps waiting.
        case unrelated
    }

    /// The address that the server listens on. The redirect URI may call it `localhost`.
    private static let address = "127.0.0.1"
    private static let loginPath = "/login"

    /// The host in the redirect URI: `127.0.0.1` or `localhost`, as registered.
    private let host: String
    /// The port; nil for any free port.
    private let port: Int?
    /// The path of the redirect URI.
    private let path: String

    /// Creates a callback, by default at `http://127.0.0.1:PORT/callback/`. It must be registered in TikTok's developer
    /// portal.
    package init(host: String = "127.0.0.1", port: Int?, path: String = "/callback/") {
        self.host = host
        self.port = port
        self.path = path
    }

    /// Creates the callback for a redirect URI. Returns nil if the URI does not lead to the server, which listens on
    /// 127.0.0.1 only.
    package init?(redirectURI: String, port: Int?) {
        guard let parts = URLComponents(string: redirectURI), parts.scheme == "http", let host = parts.host,
            host == Self.address || host == "localhost"
        else { return nil }
        self.init(host: host, port: port ?? parts.port, path: parts.path.isEmpty ? "/" : parts.path)
    }

    /// Serves requests until one ends the login, or the task is cancelled.
    /// - Parameters:
    ///   - begin: Called with the redirect URI once the server listens; returns the URL of the consent page.
    ///   - invite: Called with the URL of the consent page, and a URL on this machine that redirects there and contains
    ///     no secrets.
    ///   - handle: Handles the answer of the consent page.
    /// - Throws: `StageError` if the server can't listen on the port; `cancelled` if the task is cancelled.
    package func wait(
        begin: @escaping @Sendable (_ redirectURI: String) -> String,
        invite: @escaping @Sendable (_ consentURL: String, _ loginURL: String) -> Void,
        handle: @escaping @Sendable (LoginAnswer) async -> Outcome
    ) async throws(StageError) {
        let consent = OneTimeRedirect()
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let router = router(redirectingTo: consent, handle: handle) { end.yield() }
        let listener = Listener(host: Self.address, port: port ?? 0)
        do {
            let server = listener.application(router) { port in
                let consentURL = begin("http://\(host):\(port)\(path)")
                consent.open(consentURL)
                invite(consentURL, "http://\(Self.address):\(port)\(Self.loginPath)")
            }
            try await Self.run(server, until: ends)
        } catch is CancellationError {
            throw .cancelled
        } catch let error as IOError where error.isPortUnavailable {
            throw StageError(
                .configuration, "the login can't listen on \(listener.host):\(listener.port): \(error)",
                hint: "choose another --port; it must be one of the app's redirect URIs, or the app must allow any port"
            )
        } catch {
            throw StageError(.internalFault, "waiting for the browser failed: \(error)")
        }
        if Task.isCancelled { throw .cancelled }
    }

    /// Runs the server until `end` gives a value or the task is cancelled.
    private static func run(_ server: some ApplicationProtocol, until end: AsyncStream<Void>) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                var values = end.makeAsyncIterator()
                await values.next()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// The routes of one login.
    /// - Parameter onFinished: Called after the page that ends the login has been sent.
    private func router(
        redirectingTo consent: OneTimeRedirect, handle: @escaping @Sendable (LoginAnswer) async -> Outcome,
        onFinished: @escaping @Sendable () -> Void
    ) -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: LoopbackGuard())
        // Other users can see the arguments of a new browser process, so start it with a URL without secrets.
        router.get(RouterPath(Self.loginPath)) { _, _ in consent.response() }
        router.get(RouterPath(path)) { request, _ in
            switch await handle(LoginAnswer(query: request.uri.query ?? "")) {
            case .finished(let title, let lines, let isGood):
                return try NoticePage(title: title, lines: lines, isGood: isGood).response(onSent: onFinished)
            case .unrelated:
                return try NoticePage(
                    title: "Not part of this login",
                    lines: ["This page does not belong to the current login. Continue in the other window."],
                    isGood: false
                ).response(.badRequest)
            }
        }
        return router
    }
}

/// Redirects the first request only, so that another user of this machine who finds the URL can't complete the login.
private final class OneTimeRedirect: Sendable {
    private let target = Mutex<String?>(nil)

    /// Sets the target of the redirect.
    func open(_ url: String) { target.withLock { $0 = url } }

    /// Returns the redirect; 404 before `open` and after the first request.
    func response() -> Response {
        let url = target.withLock { target in
            defer { target = nil }
            return target
        }
        guard let url else { return Response(status: .notFound) }
        return Response(status: .seeOther, headers: [.location: url, .cacheControl: "no-store"])
    }
}
