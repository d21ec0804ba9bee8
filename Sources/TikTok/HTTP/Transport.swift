package import Foundation

/// Carries one HTTP exchange. What it means is decided by its caller, so that every decision can be tested without a
/// socket.
package protocol Transport: Sendable {
    /// Sends a request and reads the whole answer.
    /// - Throws: `TransportFailure` when there is no whole answer.
    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse
}

/// One HTTP request.
package struct TransportRequest: Sendable {
    /// What is sent after the head.
    package enum Body: Sendable {
        /// Nothing.
        case empty
        /// A few bytes.
        case data(Data)
        /// A range of a file, streamed.
        case file(FileChunk)
    }

    /// The method in upper case.
    package var method: String
    /// The address, used verbatim. May be a secret.
    package var url: String
    /// Header fields in order.
    package var headers: [(name: String, value: String)]
    /// What is sent after the head.
    package var body: Body
    /// How long the exchange may take from connecting to the last byte of the answer.
    package var timeout: Duration

    /// A request.
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

/// A whole HTTP answer.
package struct TransportResponse: Sendable {
    /// The status code.
    package var status: Int
    /// Header fields; names in lower case, the last of a name holds.
    package var headers: [String: String]
    /// The body.
    package var body: Data

    /// An answer.
    package init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Seconds of a `Retry-After` field given as a number.
    package var retryAfter: Double? {
        headers["retry-after"].flatMap(Double.init).flatMap { $0.isFinite && $0 >= 0 ? min($0, 86_400) : nil }
    }
}

/// Why there is no whole answer.
package struct TransportFailure: Error, Sendable, Hashable {
    /// What kind of failure it was.
    package enum Kind: String, Sendable {
        /// No connection came about: unknown host, refused, TLS not agreed on.
        case unreachable
        /// It took too long.
        case timeout
        /// The connection broke, or what came is not HTTP.
        case broken
        /// The answer is longer than any that is expected.
        case oversized
        /// The file could not be read as announced.
        case file
        /// Stopped on request.
        case cancelled
    }

    /// What kind of failure it was.
    package var kind: Kind
    /// Whether anything of the request can have left: when false, the service can't have acted on it.
    package var requestBegun: Bool
    /// The library's own words, without address or secret.
    package var detail: String

    /// A failure.
    package init(_ kind: Kind, requestBegun: Bool, detail: String) {
        self.kind = kind
        self.requestBegun = requestBegun
        self.detail = detail
    }
}
