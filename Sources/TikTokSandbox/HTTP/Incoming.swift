import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Why a request ended without an answer.
enum Interruption: Error, Sendable {
    /// The client went away in the middle of its body.
    case clientGone
    /// A fault closes the connection.
    case fault
}

/// A request as the endpoints see it.
struct Incoming: Sendable {
    /// The limit for bodies that are read into memory.
    static let maxBodySize = 1_048_576
    /// Up to this length a refused upload is read to its end, so that the client gets to see the answer.
    static let maxDrain: Int64 = 160_000_000

    let method: String
    let path: String
    let query: [String: String]
    let headers: HTTPFields
    private let body: RequestBody
    /// A fault that closes the connection after so many bytes of the body.
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

    /// The announced length of the body.
    var contentLength: Int64? { headers[.contentLength].flatMap { Int64($0) } }

    /// Hands the body on piece by piece; throws ``Interruption`` when it does not come to its end.
    func readBody(_ take: (ByteBuffer) async throws -> Void) async throws {
        var count: Int64 = 0
        var pieces = body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do {
                piece = try await pieces.next()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                throw Interruption.clientGone
            }
            guard let piece else { break }
            count += Int64(piece.readableBytes)
            try await take(piece)
            if let dropAfter, count >= dropAfter { throw Interruption.fault }
        }
        if let contentLength, count < contentLength { throw Interruption.clientGone }
    }

    /// The body as bytes, at most ``maxBodySize``.
    func collect() async throws -> Data {
        var data = Data()
        try await readBody { piece in
            guard data.count + piece.readableBytes <= Self.maxBodySize else {
                throw APIError(413, "invalid_params", "The request body is too large")
            }
            data.append(contentsOf: piece.readableBytesView)
        }
        return data
    }

    /// The body as JSON; `nil` for an empty one.
    func json() async throws -> JSONValue? {
        let data = try await collect()
        if data.isEmpty { return nil }
        do {
            return try JSONValue(parsing: data)
        } catch {
            throw APIError.body
        }
    }

    /// The body as form fields.
    func form() async throws -> [String: String] {
        FormData.decode(String(decoding: try await collect(), as: UTF8.self))
    }

    /// Reads what is left of a body that nobody wants, unless it is very long.
    func drain() async throws {
        guard (contentLength ?? 0) <= Self.maxDrain else { return }
        try await readBody { _ in }
    }
}

/// `application/x-www-form-urlencoded` text.
enum FormData {
    /// The fields; of a repeated one the values are joined with commas, as the consent page's scopes are.
    static func decode(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1] : ""
            guard let name = plain(parts[0]), let decoded = plain(value) else { continue }
            fields[name] = fields[name].map { $0 + "," + decoded } ?? decoded
        }
        return fields
    }

    private static func plain(_ text: Substring) -> String? {
        text.replacingOccurrences(of: "+", with: " ").removingPercentEncoding
    }
}
