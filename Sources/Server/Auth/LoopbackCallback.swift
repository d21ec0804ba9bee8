import Foundation
import Glibc
import Hummingbird
import Logging
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

    /// Creates the callback for a redirect URI. Returns nil if the URI is not on this machine.
    package init?(redirectURI: String, port: Int?) {
        guard let parts = URLComponents(string: redirectURI), parts.scheme == "http", let host = parts.host,
            host == "127.0.0.1" || host == "localhost"
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
        invite: @escaping @Sendable (_ address: String, _ door: String) -> Void,
        handle: @escaping @Sendable (LoginAnswer) async -> Outcome
    ) async throws(StageError) {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let router = Router()
        router.add(middleware: LoopbackGuard())
        // Other users can see the arguments of a new browser process, so start it with a URL without secrets.
        let door = Door()
        router.get("/login") { _, _ in
            // Redirect only once, so that another user of this machine who finds the URL can't complete the login.
            let known = door.address.withLock { address in
                defer { address = nil }
                return address
            }
            guard let address = known else { return Response(status: .notFound) }
            var response = Response(status: .seeOther)
            response.headers[.location] = address
            response.headers[.cacheControl] = "no-store"
            return response
        }
        router.get(RouterPath(path)) { request, _ in
            switch await handle(LoginAnswer(query: request.uri.query ?? "")) {
            case .finished(let title, let lines, let isGood):
                return NoticePage(title: title, lines: lines, isGood: isGood).response { end.yield() }
            case .unrelated:
                return NoticePage(
                    title: "Not part of this login",
                    lines: ["This page does not belong to the current login. Continue in the other window."],
                    isGood: false
                ).response(.badRequest)
            }
        }
        let (ready, announce) = AsyncStream.makeStream(of: Int.self)
        var quiet = Logger(label: "login")
        quiet.logLevel = .critical
        let wanted = port ?? 0
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: wanted)),
            onServerRunning: { channel in
                announce.yield(channel.localAddress?.port ?? wanted)
                announce.finish()
            }, logger: quiet)
        let base = host
        let path = path
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await application.run()
                    return true
                }
                group.addTask {
                    for await port in ready {
                        let address = begin("http://\(base):\(port)\(path)")
                        door.address.withLock { $0 = address }
                        invite(address, "http://127.0.0.1:\(port)/login")
                    }
                    return false
                }
                group.addTask {
                    var waiting = ends.makeAsyncIterator()
                    await waiting.next()
                    return true
                }
                defer { group.cancelAll() }
                while let isOver = try await group.next(), !isOver {}
            }
        } catch is CancellationError {
            throw .cancelled
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EACCES {
            throw StageError(
                .configuration, "the login can't listen on 127.0.0.1:\(wanted): \(error)",
                hint: "choose another --port; it must be one of the app's redirect URIs, or the app must allow any port"
            )
        } catch {
            throw StageError(.internalFault, "waiting for the browser failed: \(error)")
        }
        if Task.isCancelled { throw .cancelled }
    }

    /// Holds the consent page's URL from the time it is known until it is used.
    private final class Door: Sendable {
        let address = Mutex<String?>(nil)
    }
}
