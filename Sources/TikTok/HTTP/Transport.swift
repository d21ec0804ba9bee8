package import Foundation

/// Performs single HTTP exchanges. Callers interpret the result, so all decisions can be tested without a socket.
package protocol Transport: Sendable {
    /// Sends a request and reads the complete response.
    /// - Throws: `TransportFailure` if there is no complete response.
    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse
}

/// An HTTP request for a ``Transport``.
package struct TransportRequest: Sendable {
    /// The body of a request.
    package enum Body: Sendable {
        case empty
        /// A short body in memory.
        case data(Data)
        /// A range of a file, streamed from disk.
        case file(FileChunk)
    }

    /// The HTTP method in upper case.
    package var method: String
    /// The URL, used verbatim. It may contain a secret.
    package var url: String
    /// The header fields, in order.
    package var headers: [(name: String, value: String)]
    package var body: Body
    /// The time limit for the exchange, from connecting to the last byte of the response.
    package var timeout: Duration

    package init(
        method: String, url: String, headers: [(name: String, value: String)] = [], body: Body = .empty,
        timeout: Duration
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

/// A complete HTTP response.
package struct TransportResponse: Sendable {
    package var status: Int
    /// The header fields by lower-case name; the last value if a name is repeated.
    package var headers: [String: String]
    package var body: Data

    package init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The `Retry-After` header in seconds, at most a day; nil if it is missing or a date.
    package var retryAfter: Double? {
        headers["retry-after"].flatMap(Double.init).flatMap { $0.isFinite && $0 >= 0 ? min($0, 86_400) : nil }
    }
}

/// Why an exchange gave no complete response.
package struct TransportFailure: Error, Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// No connection was opened: unknown host, connection refused, or failed TLS handshake.
        case unreachable
        /// The connection or the exchange timed out.
        case timeout
        /// The connection broke, or the response is not valid HTTP.
        case broken
        /// The response exceeds the size limit.
        case oversized
        /// The file changed or could not be read.
        case file
        case cancelled
    }

    package var kind: Kind
    /// Whether any part of the request may have been sent. If false, the service can't have acted on it.
    package var requestBegun: Bool
    /// A description without URLs or secrets.
    package var detail: String

    package init(_ kind: Kind, requestBegun: Bool, detail: String) {
        self.kind = kind
        self.requestBegun = requestBegun
        self.detail = detail
    }
}
