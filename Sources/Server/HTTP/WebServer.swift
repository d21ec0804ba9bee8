import Hummingbird
import NIOCore
package import PipelineKit

/// The program's web server: health check, logins and webhooks.
package struct WebServer: Sendable {
    private let listener: Listener

    /// Creates a server. Port 0 means any free port.
    package init(host: String, port: Int) {
        listener = Listener(host: host, port: port)
    }

    /// Serves requests until the task is cancelled.
    /// - Parameter onReady: Called with the port once the server listens.
    /// - Throws: `StageError` if the server can't listen on the address; `cancelled` if the task is cancelled.
    package func run(
        auth: TikTokAuthController?, webhooks: WebhookController, onReady: @escaping @Sendable (Int) async -> Void
    ) async throws(StageError) {
        let router = Router()
        router.get("/health") { _, _ in "ok\n" }
        auth?.add(to: router)
        webhooks.add(to: router)
        do {
            try await listener.application(router, onReady: onReady).run()
        } catch is CancellationError {
            throw .cancelled
        } catch let error as IOError where error.isPortUnavailable {
            throw StageError(
                .configuration, "can't listen on \(listener.host):\(listener.port): \(error)",
                hint: "choose another --port")
        } catch {
            throw StageError(.internalFault, "the server stopped unexpectedly: \(error)")
        }
    }
}
