package import Foundation
package import Logging
import PipelineKit
import TikTokSandbox

/// Runs the TikTok sandbox in this process, for `--sandbox`.
package enum LocalSandbox {
    /// Starts a sandbox, passes its client settings to `body`, and stops it afterwards.
    ///
    /// Uses the sandbox of another process if that already serves the same folder.
    /// - Throws: `StageError` if the sandbox can't start; what `body` throws.
    package static func with<Value: Sendable>(
        directory: URL, logger: Logger, _ body: @escaping @Sendable ([String: String]) async throws -> Value
    ) async throws -> Value {
        let server: SandboxServer
        do throws(SandboxError) {
            server = try SandboxServer(
                configuration: SandboxConfiguration(
                    dataDirectory: directory, port: nil, faultsFile: nil, logger: logger))
        } catch {
            guard error.code == .inUse, let environment = environment(of: directory) else {
                throw StageError(.configuration, error.message, hint: error.hint)
            }
            return try await body(environment)
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

    /// The client settings that the sandbox of `directory` wrote to its `sandbox.env`.
    private static func environment(of directory: URL) -> [String: String]? {
        guard let text = try? String(contentsOf: directory.appending(path: "sandbox.env"), encoding: .utf8) else {
            return nil
        }
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
        return Dictionary(pairs) { $1 }
    }
}
