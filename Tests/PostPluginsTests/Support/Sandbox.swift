import Foundation
import Logging
import PipelineKit
import SpreaderTesting
import TikTok
import TikTokSandbox

/// A sandbox for one test, and what the test asks of it.
struct Sandbox: Sendable {
    let endpoint: SandboxEndpoint

    /// Serves a sandbox on a free port while `body` runs.
    static func run<Result: Sendable>(
        faults: String? = nil, _ body: @escaping @Sendable (Sandbox) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sandbox-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try SandboxServer(
            configuration: SandboxConfiguration(
                dataDirectory: folder, port: nil, faultsFile: nil,
                logger: Logger(label: "sandbox") { _ in SwiftLogNoOpLogHandler() }))
        let (ready, announce) = AsyncStream.makeStream(of: SandboxEndpoint.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run {
                    announce.yield($0)
                    announce.finish()
                }
            }
            defer { group.cancelAll() }
            for await endpoint in ready {
                let sandbox = Sandbox(endpoint: endpoint)
                try await sandbox.setFaults(
                    faults ?? #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1}}"#)
                return try await body(sandbox)
            }
            throw StageError(.internalFault, "the sandbox did not start")
        }
    }

    /// A host whose account is the sandbox's.
    func host(mode: PostMode = .direct) -> InMemoryHost {
        var host = InMemoryHost(
            accessToken: endpoint.accessToken, settings: ["TIKTOK_API_BASE_URL": endpoint.baseURL])
        host.post.title = "A clip"
        host.post.mode = mode
        return host
    }

    /// A host whose first token is not valid.
    var hostWithStaleToken: InMemoryHost {
        InMemoryHost(
            accessTokens: ["act.stale", endpoint.accessToken], settings: ["TIKTOK_API_BASE_URL": endpoint.baseURL])
    }

    func setFaults(_ json: String) async throws {
        let response = try await request("PUT", "/_sandbox/faults", body: Data(json.utf8))
        guard response.status == 200 else {
            throw StageError(.internalFault, "faults refused: \(String(decoding: response.body, as: UTF8.self))")
        }
    }

    /// Posts whose bytes have arrived.
    func posts() async throws -> [JSONValue] {
        try JSONDecoder().decode([JSONValue].self, from: try await request("GET", "/_sandbox/posts").body)
    }

    /// Every request to the API and the upload host, in order.
    func log() async throws -> [JSONValue] {
        let body = try await request("GET", "/_sandbox/log").body
        return try String(decoding: body, as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8))
        }
    }

    /// Requests whose path ends in `suffix`.
    func calls(_ suffix: String) async throws -> [JSONValue] {
        try await log().filter { $0["path"]?.stringValue?.hasSuffix(suffix) == true }
    }

    /// Ranges of the chunks that took effect.
    func acceptedRanges() async throws -> [String] {
        try await log().filter { $0["method"] == "PUT" && [201, 206].contains($0["status"]?.integerValue) }
            .compactMap { $0["range"]?.stringValue }
    }

    /// Ranges of all chunks that were begun.
    func sentRanges() async throws -> [String] {
        try await log().filter { $0["method"] == "PUT" }.compactMap { $0["range"]?.stringValue }
    }

    func request(_ method: String, _ path: String, body: Data? = nil) async throws -> TransportResponse {
        let configuration = try TikTokConfiguration(settings: ["TIKTOK_API_BASE_URL": endpoint.baseURL])
        let url = endpoint.baseURL + path
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            do throws(TransportFailure) {
                return try await transport.send(
                    TransportRequest(
                        method: method, url: url, body: body.map { .data($0) } ?? .empty, timeout: .seconds(20)))
            } catch {
                throw StageError(tiktok: error)
            }
        }
    }
}
