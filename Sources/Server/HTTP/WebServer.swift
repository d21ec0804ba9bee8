import Glibc
import Hummingbird
import Logging
import NIOCore
package import PipelineKit

/// The program's web server: health check, logins and webhooks.
package struct WebServer: Sendable {
    private let host: String
    private let port: Int

    /// Creates a server. Port 0 means any free port.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
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
        var quiet = Logger(label: "server")
        quiet.logLevel = .critical
        let wanted = port
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? wanted) }, logger: quiet)
        do {
            try await application.run()
        } catch is CancellationError {
            throw .cancelled
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EACCES {
            throw StageError(
                .configuration, "can't listen on \(host):\(port): \(error)", hint: "choose another --port")
        } catch {
            throw StageError(.internalFault, "the server stopped unexpectedly: \(error)")
        }
    }
}
