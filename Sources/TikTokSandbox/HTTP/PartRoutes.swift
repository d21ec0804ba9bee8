import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The endpoints of the multipart dialect, which are not TikTok's; docs/sandbox.md explains their origin.
struct PartRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        let routes = PublishRoutes(engine: engine, gateway: gateway)
        routes.post(router, "/video/upload/init/") { incoming, logID in
            let upload = try await engine.openParts(bearer: incoming.bearer, body: try await incoming.json())
            let life = Int64(upload.expiresAt.timeIntervalSince(upload.createdAt))
            return .envelope(
                [
                    "upload_id": .string(upload.id), "part_size": .integer(upload.partSize),
                    "expires_in": .integer(life),
                ], logID: logID)
        }
        routes.post(router, "/video/upload/part/") { incoming, logID in
            let ticket = try await Self.part(incoming, engine)
            return .envelope(
                ["part_number": .integer(Int64(ticket.number)), "received_bytes": .integer(Int64(ticket.range.count))],
                logID: logID)
        }
        routes.post(router, "/video/upload/complete/") { incoming, logID in
            let id = try await incoming.json()?["upload_id"]?.stringValue
            let upload = try await engine.completeParts(bearer: incoming.bearer, uploadID: id)
            return .envelope(
                ["video_id": .string(upload.videoID ?? ""), "video_size": .integer(upload.videoSize)], logID: logID)
        }
        routes.post(router, "/post/publish/direct/") { incoming, logID in
            let id = try await engine.publishParts(bearer: incoming.bearer, body: try await incoming.json())
            return .envelope(["publish_id": .string(id)], logID: logID, publishID: id)
        }
        router.post("/oauth/access_token") { [gateway] request, context in
            try await gateway.serve(request, context) { incoming, _ in
                // The API that this dialect is modelled on sends its parameters in the query.
                let form = incoming.query.merging(try await incoming.form()) { $1 }
                return try await OAuthRoutes.token(form, engine, needsRedirect: false)
            }
        }
    }

    /// The largest last part, plus room for the form around it, in bytes.
    private static let longestForm: Int64 = 2 * PartUpload.greatestPart + 65_536

    /// Receives a part: either the raw body, or the file of a `multipart/form-data` form.
    private static func part(_ incoming: Incoming, _ engine: SandboxEngine) async throws -> PartTicket {
        guard let length = incoming.contentLength else { throw APIError.invalid("Content-Length is missing") }
        let (id, number) = (incoming.query["upload_id"], incoming.query["part_number"])
        guard let type = incoming.headers[.contentType], type.lowercased().hasPrefix("multipart/form-data") else {
            let ticket: PartTicket
            do {
                ticket = try await engine.beginPart(
                    bearer: incoming.bearer, uploadID: id, number: number, bytes: length)
            } catch {
                try await incoming.drain()
                throw error
            }
            try await write(incoming, to: ticket.file, at: ticket.range.lowerBound, ticket.lease)
            try await engine.commitPart(ticket)
            return ticket
        }
        do {
            try await engine.checkParts(bearer: incoming.bearer, uploadID: id)
            guard length <= longestForm else { throw APIError(413, "invalid_params", "The form is too large") }
        } catch {
            try await incoming.drain()
            throw error
        }
        // The size of the file is known only after the whole form has arrived.
        let form = engine.directory.root.appendingPathComponent("media/form-" + Identifiers.secret(16))
        defer { try? FileManager.default.removeItem(at: form) }
        try await write(incoming, to: form, at: 0, nil)
        let source = try PosixFile(form, .read)
        guard let content = try MultipartForm.file(named: "video", in: source, bytes: length, contentType: type) else {
            throw APIError.invalid("The form has no file called video")
        }
        let ticket = try await engine.beginPart(
            bearer: incoming.bearer, uploadID: id, number: number, bytes: Int64(content.count))
        let file = try PosixFile(ticket.file, .readWrite)
        var offset = content.lowerBound
        while offset < content.upperBound {
            let piece = try source.read(
                at: offset, count: min(PosixFile.bufferSize, Int(content.upperBound - offset)))
            guard !piece.isEmpty else { throw IncomingFault.clientGone }
            try piece.withUnsafeBytes {
                try file.write($0, at: ticket.range.lowerBound + offset - content.lowerBound)
            }
            offset += Int64(piece.count)
            await Task.yield()
        }
        try await engine.commitPart(ticket)
        return ticket
    }

    private static func write(_ incoming: Incoming, to url: URL, at start: Int64, _ lease: ChunkLease?) async throws {
        let file = try PosixFile(url, .readWrite)
        var offset = start
        try await incoming.readBody { piece in
            if lease?.isRevoked == true { throw APIError.invalid("Another request has taken over this part") }
            try piece.withUnsafeReadableBytes { try file.write($0, at: offset) }
            offset += Int64(piece.readableBytes)
        }
    }
}

/// Finds one file in a `multipart/form-data` body.
enum MultipartForm {
    /// Returns the range of the field `name`: from the end of its header to the closing boundary.
    /// - Returns: Nil if the form is malformed, or the file is not its last part.
    static func file(
        named name: String, in file: PosixFile, bytes: Int64, contentType: String
    ) throws -> Range<Int64>? {
        guard let boundary = boundary(contentType) else { return nil }
        let head = try file.read(at: 0, count: Int(min(bytes, 65_536)))
        let ending = Array("\r\n--\(boundary)--".utf8)
        let tailLength = min(bytes, Int64(ending.count) + 64)
        let tail = try file.read(at: bytes - tailLength, count: Int(tailLength))
        guard let header = find(Array("name=\"\(name)\"".utf8), in: head, from: 0),
            let start = find(Array("\r\n\r\n".utf8), in: head, from: header),
            let end = find(ending, in: tail, from: 0)
        else { return nil }
        let range = (Int64(start + 4), bytes - tailLength + Int64(end))
        return range.0 <= range.1 ? range.0..<range.1 : nil
    }

    private static func boundary(_ contentType: String) -> String? {
        for field in contentType.split(separator: ";").dropFirst() {
            let parts = field.trimmingCharacters(in: .whitespaces).split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "boundary" else { continue }
            return parts[1].trimmingCharacters(in: ["\""])
        }
        return nil
    }

    private static func find(_ needle: [UInt8], in hay: [UInt8], from start: Int) -> Int? {
        guard hay.count >= needle.count + start else { return nil }
        return (start...(hay.count - needle.count)).first { hay[$0..<($0 + needle.count)].elementsEqual(needle) }
    }
}
