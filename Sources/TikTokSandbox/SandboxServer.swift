package import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A local server that behaves like TikTok: consent page, tokens, creator info, uploads, status, and a feed page with the posts.
///
/// ```swift
/// let server = try SandboxServer(configuration: configuration)
/// try await server.run { endpoint in
///     print("listening on \(endpoint.baseURL)")
/// }
/// ```
/// Listens on 127.0.0.1 only. Writes every change to disk before the response, so that after `kill -9` a new server on the
/// same folder continues with the same posts, tokens and half-finished uploads.
package struct SandboxServer: Sendable {
    private let configuration: SandboxConfiguration
    private let directory: DataDirectory
    private let engine: SandboxEngine
    private let log: RequestLog
    private let clock: MovableClock

    /// Locks the data folder and loads its state.
    ///
    /// - Parameter configuration: Where the sandbox keeps its data and where it listens.
    /// - Throws: ``SandboxError`` if the folder is unusable or in use, or the faults file is invalid.
    package init(configuration: SandboxConfiguration) throws(SandboxError) {
        try self.init(configuration: configuration, now: { Date() })
    }

    /// Locks the data folder and loads its state; for tests that control the clock.
    ///
    /// - Parameters:
    ///   - configuration: Where the sandbox keeps its data and where it listens.
    ///   - now: The clock for the expiry of tokens, upload URLs and rate windows, and for the progress of posts.
    package init(configuration: SandboxConfiguration, now: @escaping @Sendable () -> Date) throws(SandboxError) {
        let plan: FaultPlan =
            if let file = configuration.faultsFile { try FaultPlan(contentsOf: file) } else { .none }
        self.configuration = configuration
        directory = try DataDirectory(configuration.dataDirectory)
        log = try RequestLog(directory.log)
        let clock = MovableClock(now)
        self.clock = clock
        engine = try SandboxEngine(
            directory: directory, faults: FaultInjector(plan: plan), now: { clock.now }, logger: configuration.logger)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: Called once, when the socket listens and `sandbox.env` is written.
    /// - Throws: ``SandboxError`` if the port is taken or the folder is not writable.
    package func run(onReady: @escaping @Sendable (SandboxEndpoint) async -> Void) async throws {
        defer { directory.unlock() }
        let remembered = configuration.port == nil ? directory.rememberedPort : nil
        do {
            do {
                try await serve(port: configuration.port ?? remembered ?? 0, onReady: onReady)
            } catch let error as SandboxError where error.code == .portInUse && remembered != nil {
                configuration.logger.notice(
                    "the port of the last run is taken, using another one", metadata: ["port": "\(remembered ?? 0)"])
                try await serve(port: 0, onReady: onReady)
            }
        } catch is CancellationError {
            // Callers stop a sandbox by cancelling its task.
        }
    }

    private func serve(port: Int, onReady: @escaping @Sendable (SandboxEndpoint) async -> Void) async throws {
        let (endpoints, announcement) = AsyncThrowingStream.makeStream(of: SandboxEndpoint.self)
        let application = try application(port: port, announcement: announcement)
        let services: [@Sendable () async -> Void] = [
            { await engine.inspectArrivals() },
            { await PullFetcher(engine: engine).run() },
            { await WebhookSender(engine: engine).run() },
        ]
        // The tasks return whether they are the server, whose end ends the others.
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await run(application, port: port)
                return true
            }
            for service in services {
                group.addTask {
                    await service()
                    return false
                }
            }
            group.addTask {
                for try await endpoint in endpoints { await onReady(endpoint) }
                return false
            }
            defer { group.cancelAll() }
            while let isServer = try await group.next(), !isServer {}
        }
    }

    /// The HTTP server. Announces its endpoint when the socket listens.
    private func application(
        port: Int, announcement: AsyncThrowingStream<SandboxEndpoint, any Error>.Continuation
    ) throws -> some ApplicationProtocol {
        var logger = configuration.logger
        // Hummingbird logs an error for every connection that is open when the server is cancelled.
        logger.logLevel = .critical
        return Application(
            router: try SandboxRouter.make(engine: engine, log: log, clock: clock),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            // Hummingbird handles requests only after this closure returns.
            onServerRunning: { channel in
                do {
                    announcement.yield(try await prepare(port: channel.localAddress?.port ?? port))
                    announcement.finish()
                } catch {
                    announcement.finish(
                        throwing: SandboxError(.storage, "the sandbox cannot write to its folder: \(error)"))
                }
            },
            logger: logger)
    }

    private func run(_ application: some ApplicationProtocol, port: Int) async throws {
        do {
            try await application.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE || error.errnoCode == EACCES {
            throw SandboxError(
                .portInUse, "the sandbox cannot listen on 127.0.0.1:\(port): \(error)",
                hint: "choose another --port, or leave it out")
        }
    }

    /// Writes the port and `sandbox.env`.
    private func prepare(port: Int) async throws -> SandboxEndpoint {
        let baseURL = "http://127.0.0.1:\(port)"
        await engine.listen(at: baseURL)
        try directory.remember(port: port)
        let app = try await engine.app
        let grant = try await engine.readyGrant()
        let endpoint = SandboxEndpoint(
            baseURL: baseURL, clientKey: app.clientKey, clientSecret: app.clientSecret,
            accessToken: grant.accessTokens.last?.token ?? "", refreshToken: grant.refreshToken, scopes: grant.scopes)
        try directory.writeEnvironment(endpoint)
        return endpoint
    }
}
