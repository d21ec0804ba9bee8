import Foundation
import Logging
import PipelineKit
import TikTokSandbox

/// The sandbox in process, for `--sandbox`.
enum LocalSandbox {
    /// Runs `body` with a sandbox that listens, and stops it afterwards.
    ///
    /// When another process serves the same folder, that one is used.
    /// - Throws: `StageError` when the sandbox can't start; what `body` throws.
    static func with<Value: Sendable>(
        directory: URL, logger: Logger, _ body: @escaping @Sendable ([String: String]) async throws -> Value
    ) async throws -> Value {
        let server: SandboxServer
        do throws(SandboxError) {
            server = try SandboxServer(
                configuration: SandboxConfiguration(
                    dataDirectory: directory, port: nil, faultsFile: nil, logger: logger))
        } catch {
            throw StageError(.configuration, error.message, hint: error.hint)
        }
        let (ready, signal) = AsyncThrowingStream.makeStream(of: SandboxEndpoint.self)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                do {
                    try await server.run { endpoint in signal.yield(endpoint) }
                    signal.finish()
                } catch {
                    signal.finish(throwing: error)
                }
                return nil
            }
            group.addTask {
                for try await endpoint in ready {
                    let environment = Dictionary(endpoint.environment.map { ($0.name, $0.value) }) { $1 }
                    return try await body(environment)
                }
                throw StageError(.configuration, "the sandbox stopped before it was ready")
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw StageError(.configuration, "the sandbox stopped before it was ready")
        }
    }
}
