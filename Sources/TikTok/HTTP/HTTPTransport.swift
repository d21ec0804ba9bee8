import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
package import PipelineKit
import Synchronization

/// HTTP over the network. It verifies TLS, rejects redirects, limits the size of responses and logs nothing.
package struct HTTPTransport: Transport {
    /// The maximum size of a response in bytes.
    static let longestResponse = 1_000_000

    private let calls: HTTPClient
    private let uploads: HTTPClient
    private let connections: ConnectionCount

    /// Runs `body` with a transport, and shuts the transport down afterwards.
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
        // A redirect would send the bearer token or the footage to an unchecked host.
        settings.redirectConfiguration = .disallow
        let silence = TimeAmount(configuration.uploadSilence)
        settings.timeout = .init(connect: .seconds(15), read: silence, write: silence)
        // Fail at once, because that proves that nothing was sent. The caller decides whether to retry.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.httpVersion = .http1Only
        // Chunks share one connection, so that TCP slow start does not limit each of them.
        uploads = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
        // API calls are rare, so each opens a connection. If the service closed a pooled connection, the outcome of a
        // request to create a post would be unknown; a connection that was never opened proves that nothing was sent.
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
        do {
            return try await Self.exchange(outgoing, over: client, deadline: .now() + TimeAmount(request.timeout))
        } catch {
            // API calls never reuse connections: if none was opened, the service can't have seen the request.
            throw failure(error, begun: client === uploads || connections.value > connectionsBefore)
        }
    }

    /// Sends a request and reads the complete response before `deadline`.
    private static func exchange(
        _ request: HTTPClientRequest, over client: HTTPClient, deadline: NIODeadline
    ) async throws -> TransportResponse {
        try await withThrowingTaskGroup(of: TransportResponse.self) { group in
            group.addTask { try await response(to: request, over: client, deadline: deadline) }
            // The client drops the deadline once the response has begun; this task also ends an endless body.
            group.addTask {
                try await Task.sleep(for: Duration(deadline - .now()))
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() else { throw CancellationError() }
            return response
        }
    }

    private static func response(
        to request: HTTPClientRequest, over client: HTTPClient, deadline: NIODeadline
    ) async throws -> TransportResponse {
        let response = try await client.execute(request, deadline: deadline)
        let body = try await response.body.collect(upTo: longestResponse)
        var headers: [String: String] = [:]
        for (name, value) in response.headers { headers[name.lowercased()] = value }
        return TransportResponse(
            status: Int(response.status.code), headers: headers, body: Data(body.readableBytesView))
    }

    private func failure(_ error: any Error, begun: Bool) -> TransportFailure {
        if Task.isCancelled || error is CancellationError {
            return TransportFailure(.cancelled, requestBegun: begun, detail: "cancelled")
        }
        if let problem = error as? FileSource.Problem {
            return TransportFailure(.file, requestBegun: begun, detail: problem.message)
        }
        if error is NIOTooManyBytesError {
            return TransportFailure(.oversized, requestBegun: begun, detail: "the response is too long")
        }
        guard let known = error as? HTTPClientError else {
            return TransportFailure(
                begun ? .broken : .unreachable, requestBegun: begun,
                detail: RemoteText.line(String(describing: error)))
        }
        if [.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout].contains(known) {
            return TransportFailure(.unreachable, requestBegun: begun, detail: "the connection timed out")
        }
        if [.deadlineExceeded, .readTimeout, .writeTimeout].contains(known) {
            return TransportFailure(.timeout, requestBegun: begun, detail: "the response timed out")
        }
        return TransportFailure(begun ? .broken : .unreachable, requestBegun: begun, detail: known.shortDescription)
    }
}

/// Counts opened connections, after the TLS handshake and before the first write.
private final class ConnectionCount: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}
