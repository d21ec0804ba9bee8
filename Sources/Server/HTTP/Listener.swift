import Foundation
import Hummingbird
import Logging
import NIOCore

/// An address to serve a router on, without logging.
struct Listener: Sendable {
    let host: String
    /// The port to listen on; 0 means any free port.
    let port: Int

    /// Returns an application that serves the router until its task is cancelled.
    /// - Parameter onReady: Called with the port once the server listens.
    func application(
        _ router: Router<BasicRequestContext>, onReady: @escaping @Sendable (_ port: Int) async -> Void
    ) -> some ApplicationProtocol {
        var logger = Logger(label: "server")
        logger.logLevel = .critical
        return Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: logger)
    }
}

extension IOError {
    /// Whether the server can't listen because the port is in use or reserved.
    var isPortUnavailable: Bool { errnoCode == EADDRINUSE || errnoCode == EACCES }
}
