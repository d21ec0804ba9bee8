import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
package import PipelineKit
import Synchronization

/// HTTP over the network: TLS verified, redirects refused, answers bounded, nothing logged.
package struct HTTPTransport: Transport {
    /// The longest answer that is read.
    static let longestAnswer = 1_000_000

    private let calls: HTTPClient
    private let uploads: HTTPClient
    private let connections: ConnectionCount

    /// Runs `body` with a transport that is shut down afterwards.
    package static func with<Result: Sendable>(
        _ configuration: TikTokConfiguration,
        _ body: (HTTPTransport) async throws(StageError) -> Result
    ) async throws(StageError) -> Result {
        let transport = HTTPTransport(configuration)
        let result: Result
        do throws(StageError) {
            result = try await body(transport)
        } catch {
            await transport.shutdown()
            throw error
        }
        await transport.shutdown()
        return result
    }

    private init(_ configuration: TikTokConfiguration) {
        let connections = ConnectionCount()
        var settings = HTTPClient.Configuration()
        // A redirect would carry the bearer token, or the bytes, to a host that nobody checked.
        settings.redirectConfiguration = .disallow
        let silence = TimeAmount.nanoseconds(Int64(configuration.uploadSilence.inSeconds * 1e9))
        settings.timeout = .init(connect: .seconds(15), read: silence, write: silence)
        // Failing at once tells for certain that nothing was sent; whether to try again is decided above.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.httpVersion = .http1Only
        // Chunks follow one another on one connection, so that its rate need not build up again for each.
        uploads = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
        // API calls are few. Each has a connection of its own: a pooled one that the service is about to close would
        // make the fate of a creating request unknown, and one that never came about proves that nothing was sent.
        settings.maximumUsesPerConnection = 1
        settings.http1_1ConnectionDebugInitializer = { channel in
            connections.increment()
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        calls = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
        self.connections = connections
    }

    private func shutdown() async {
        try? await calls.shutdown()
        try? await uploads.shutdown()
    }

    package func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
        let connectionsBefore = connections.value
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        let client: HTTPClient
        switch request.body {
        case .empty: client = calls
        case .data(let data):
            client = calls
            outgoing.body = .bytes(ByteBuffer(bytes: data))
        case .file(let chunk):
            client = uploads
            outgoing.body = .stream(ChunkPieces(chunk: chunk), length: .known(Int64(chunk.range.count)))
        }
        let prepared = outgoing
        do {
            return try await withThrowingTaskGroup(of: TransportResponse.self) { group in
                group.addTask { try await Self.exchange(prepared, client, timeout: request.timeout) }
                group.addTask {
                    try await Task.sleep(for: request.timeout)
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw CancellationError() }
                return response
            }
        } catch {
            // No connection was there before and none came about since: the service can't have seen anything.
            throw failure(error, begun: client === uploads || connections.value > connectionsBefore)
        }
    }

    private static func exchange(
        _ request: HTTPClientRequest, _ client: HTTPClient, timeout: Duration
    ) async throws -> TransportResponse {
        let response = try await client.execute(
            request, deadline: .now() + .nanoseconds(Int64(timeout.inSeconds * 1e9)))
        let body = try await response.body.collect(upTo: longestAnswer)
        var headers: [String: String] = [:]
        for (name, value) in response.headers { headers[name.lowercased()] = value }
        return TransportResponse(
            status: Int(response.status.code), headers: headers, body: Data(body.readableBytesView))
    }

    private func failure(_ error: any Error, begun: Bool) -> TransportFailure {
        if Task.isCancelled || error is CancellationError {
            return TransportFailure(.cancelled, requestBegun: begun, detail: "stopped on request")
        }
        if let problem = error as? FileSource.Problem {
            return TransportFailure(.file, requestBegun: begun, detail: problem.message)
        }
        if error is NIOTooManyBytesError {
            return TransportFailure(.oversized, requestBegun: begun, detail: "the answer is too long")
        }
        guard let known = error as? HTTPClientError else {
            return TransportFailure(
                begun ? .broken : .unreachable, requestBegun: begun,
                detail: RemoteText.line(String(describing: error)))
        }
        if [.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout].contains(known) {
            return TransportFailure(.unreachable, requestBegun: begun, detail: "no connection in time")
        }
        if [.deadlineExceeded, .readTimeout, .writeTimeout].contains(known) {
            return TransportFailure(.timeout, requestBegun: begun, detail: "no answer in time")
        }
        return TransportFailure(begun ? .broken : .unreachable, requestBegun: begun, detail: known.shortDescription)
    }
}

/// Connections that came about, counted after TLS and before anything is written to them.
private final class ConnectionCount: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}
