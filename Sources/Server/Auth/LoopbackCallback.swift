import Foundation
import Glibc
import Hummingbird
import Logging
import NIOCore
package import PipelineKit
import Synchronization
package import TikTok

/// A server on this machine that waits for one browser to come back from TikTok's consent page.
package struct LoopbackCallback: Sendable {
    /// What the browser's visit led to.
    package enum Outcome: Sendable {
        /// The login is over; the text is shown in the browser.
        case finished(title: String, lines: [String], isGood: Bool)
        /// The visit had nothing to do with this login: the server goes on waiting.
        case unrelated
    }

    /// The host in the redirect URI: `127.0.0.1` or `localhost`, as registered.
    private let host: String
    /// The port; nil for any that is free.
    private let port: Int?
    /// The path that TikTok sends the browser to.
    private let path: String

    /// A callback at `http://127.0.0.1:PORT/callback/`, as registered in TikTok's developer portal.
    package init(host: String = "127.0.0.1", port: Int?, path: String = "/callback/") {
        self.host = host
        self.port = port
        self.path = path
    }

    /// The callback of a redirect URI; nil when that is not on this machine.
    package init?(redirectURI: String, port: Int?) {
        guard let parts = URLComponents(string: redirectURI), parts.scheme == "http", let host = parts.host,
            host == "127.0.0.1" || host == "localhost"
        else { return nil }
        self.init(host: host, port: port ?? parts.port, path: parts.path.isEmpty ? "/" : parts.path)
    }

    /// Serves until a visit ends the login, or the task is cancelled.
    /// - Parameters:
    ///   - begin: Gets the redirect URI once the server listens; gives the consent page's address.
    ///   - invite: Gets the consent page's address, and one without secrets on this machine that leads there.
    ///   - handle: Decides what a visit means.
    /// - Throws: `StageError` when the port can't be had, `cancelled` when the task is.
    package func wait(
        begin: @escaping @Sendable (_ redirectURI: String) -> String,
        invite: @escaping @Sendable (_ address: String, _ door: String) -> Void,
        handle: @escaping @Sendable (LoginAnswer) async -> Outcome
    ) async throws(StageError) {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let router = Router()
        router.add(middleware: LoopbackGuard())
        // Starting a browser shows its address to whoever lists processes; this one may be seen.
        let door = Door()
        router.get("/login") { _, _ in
            // Once: whoever else on the machine finds the address must not finish the login in its owner's place.
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
                    lines: ["This address does not belong to the login that is waiting. Go on in the other window."],
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

    /// Where the consent page is, once that is known.
    private final class Door: Sendable {
        let address = Mutex<String?>(nil)
    }
}
