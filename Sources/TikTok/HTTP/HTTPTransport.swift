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

    private let client: HTTPClient

    /// Runs `body` with a transport that is shut down afterwards.
    package static func with<Result: Sendable>(
        _ configuration: TikTokConfiguration,
        _ body: (HTTPTransport) async throws(StageError) -> Result
    ) async throws(StageError) -> Result {
        var settings = HTTPClient.Configuration()
        // A redirect would carry the bearer token, or the bytes, to a host that nobody checked.
        settings.redirectConfiguration = .disallow
        settings.timeout = .init(
            connect: .seconds(15), read: .nanoseconds(Int64(configuration.uploadSilence.inSeconds * 1e9)),
            write: .nanoseconds(Int64(configuration.uploadSilence.inSeconds * 1e9)))
        // Failing at once tells for certain that nothing was sent; whether to try again is decided above.
        settings.connectionPool.retryConnectionEstablishment = false
        // A pooled connection that the service is about to close would make an init's fate unknown.
        settings.connectionPool.idleTimeout = .seconds(5)
        settings.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
        let result: Result
        do throws(StageError) {
            result = try await body(HTTPTransport(client: client))
        } catch {
            try? await client.shutdown()
            throw error
        }
        try? await client.shutdown()
        return result
    }

    package func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
        // Shared with the body's producer, which outlives this call's stack frame when the request is cancelled.
        let mark = BegunMark()
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        switch request.body {
        case .empty: mark.set()
        case .data(let data):
            let bytes = ByteBuffer(bytes: data)
            outgoing.body = .stream(OneBuffer(buffer: bytes, onBegin: mark.set), length: .known(Int64(data.count)))
        case .file(let chunk):
            outgoing.body = .stream(
                ChunkPieces(chunk: chunk, onBegin: mark.set), length: .known(Int64(chunk.range.count)))
        }
        let prepared = outgoing
        do {
            return try await withThrowingTaskGroup(of: TransportResponse.self) { group in
                group.addTask { try await exchange(prepared, timeout: request.timeout) }
                group.addTask {
                    try await Task.sleep(for: request.timeout)
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw CancellationError() }
                return response
            }
        } catch {
            throw failure(error, begun: mark.isSet)
        }
    }

    private func exchange(_ request: HTTPClientRequest, timeout: Duration) async throws -> TransportResponse {
        let response = try await client.execute(
            request, deadline: .now() + .nanoseconds(Int64(timeout.inSeconds * 1e9)))
        let body = try await response.body.collect(upTo: Self.longestAnswer)
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

/// Whether a request's body was asked for, which happens once its head is written: the line between "certainly never
/// sent" and "may have been acted on".
private final class BegunMark: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    @Sendable func set() { state.withLock { $0 = true } }
}

/// A short body that reports when it is taken.
private struct OneBuffer: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let buffer: ByteBuffer
    let onBegin: @Sendable () -> Void

    func makeAsyncIterator() -> Iterator { Iterator(remaining: buffer, onBegin: onBegin) }

    struct Iterator: AsyncIteratorProtocol {
        var remaining: ByteBuffer?
        let onBegin: @Sendable () -> Void

        mutating func next() async throws -> ByteBuffer? {
            onBegin()
            defer { remaining = nil }
            return remaining
        }
    }
}
