import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A request, with helpers to read its headers and body.
struct IncomingRequest: Sendable {
    /// The limit in bytes for bodies that are read into memory.
    static let maxBodySize = 1_048_576
    /// Rejected uploads up to this many bytes are read to the end, so that the client receives the response.
    static let maxDrain: Int64 = 160_000_000

    let method: String
    let path: String
    let query: [String: String]
    let headers: HTTPFields
    private let body: RequestBody
    /// Set by a fault rule: the connection closes after this many bytes of the body.
    var dropAfter: Int?

    init(_ request: Request) {
        method = request.method.rawValue
        path = request.uri.path
        query = FormData.decode(request.uri.query ?? "")
        headers = request.headers
        body = request.body
    }

    /// The token of the `Authorization: Bearer …` header.
    var bearer: String? {
        guard let value = headers[.authorization], value.lowercased().hasPrefix("bearer ") else { return nil }
        let token = value.dropFirst(7).trimmingCharacters(in: .whitespaces)
        return token.isEmpty ? nil : token
    }

    var contentRange: String? { headers[.contentRange] }

    /// The value of the `Content-Length` header.
    var contentLength: Int64? { headers[.contentLength].flatMap { Int64($0) } }

    /// Passes the body piece by piece to `consume`. Throws ``IncomingFault`` if the connection closes early.
    func readBody(_ consume: (ByteBuffer) async throws -> Void) async throws {
        var count: Int64 = 0
        var pieces = body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do {
                piece = try await pieces.next()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                throw IncomingFault.clientDisconnected
            }
            guard let piece else { break }
            count += Int64(piece.readableBytes)
            try await consume(piece)
            if let dropAfter, count >= dropAfter { throw IncomingFault.droppedByRule }
        }
        if let contentLength, count < contentLength { throw IncomingFault.clientDisconnected }
    }

    /// Reads the whole body. Throws if it is longer than ``maxBodySize``.
    func collect() async throws -> Data {
        var data = Data()
        try await readBody { piece in
            guard data.count + piece.readableBytes <= Self.maxBodySize else {
                throw APIError(status: 413, code: "invalid_params", message: "The request body is too large")
            }
            data.append(contentsOf: piece.readableBytesView)
        }
        return data
    }

    /// Reads the body as JSON; `nil` if it is empty.
    func json() async throws -> SandboxJSON? {
        let data = try await collect()
        if data.isEmpty { return nil }
        do {
            return try SandboxJSON(parsing: data)
        } catch {
            throw APIError.body
        }
    }

    func form() async throws -> [String: String] {
        FormData.decode(String(decoding: try await collect(), as: UTF8.self))
    }

    /// Discards the rest of the body, unless it is longer than ``maxDrain``.
    func drain() async throws {
        guard (contentLength ?? 0) <= Self.maxDrain else { return }
        try await readBody { _ in }
    }
}

/// Decodes `application/x-www-form-urlencoded` text.
enum FormData {
    /// Joins the values of a repeated field with commas, as the consent page's scopes need.
    static func decode(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1] : ""
            guard let name = unescaped(parts[0]), let decoded = unescaped(value) else { continue }
            fields[name] = fields[name].map { $0 + "," + decoded } ?? decoded
        }
        return fields
    }

    private static func unescaped(_ text: Substring) -> String? {
        text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding
    }
}
