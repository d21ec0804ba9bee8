import Glibc
import Hummingbird
import Logging
import NIOCore
package import PipelineKit

/// The program's own web server.
package struct WebServer: Sendable {
    private let host: String
    private let port: Int

    /// A server on an address of this machine; port 0 is any that is free.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Serves until the task is cancelled.
    /// - Parameter onReady: Gets the port once the server listens.
    /// - Throws: `StageError` when the address can't be had.
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
            throw StageError(.internalFault, "the server ended: \(error)")
        }
    }
}
