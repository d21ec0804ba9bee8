import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The endpoints of the multipart dialect, which are not TikTok's; docs/sandbox.md explains their origin.
struct PartRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        router.post(exactly: "/video/upload/init/", through: gateway) { request, logID in
            let upload = try await engine.openParts(bearer: request.bearer, body: try await request.json())
            let lifetime = Int64(upload.expiresAt.timeIntervalSince(upload.createdAt))
            return .envelope(
                [
                    "upload_id": .string(upload.id), "part_size": .integer(upload.partSize),
                    "expires_in": .integer(lifetime),
                ], logID: logID)
        }
        router.post(exactly: "/video/upload/part/", through: gateway) { request, logID in
            let ticket = try await receivePart(request)
            return .envelope(
                ["part_number": .integer(Int64(ticket.number)), "received_bytes": .integer(Int64(ticket.range.count))],
                logID: logID)
        }
        router.post(exactly: "/video/upload/complete/", through: gateway) { request, logID in
            let id = try await request.json()?["upload_id"]?.stringValue
            let upload = try await engine.completeParts(bearer: request.bearer, uploadID: id)
            return .envelope(
                ["video_id": .string(upload.videoID ?? ""), "video_size": .integer(upload.videoSize)], logID: logID)
        }
        router.post(exactly: "/post/publish/direct/", through: gateway) { request, logID in
            let id = try await engine.publishParts(bearer: request.bearer, body: try await request.json())
            return .envelope(["publish_id": .string(id)], logID: logID, publishID: id)
        }
        router.post(
            "/oauth/access_token",
            use: gateway.handler { request, _ in
                // The API that this dialect is modelled on sends its parameters in the query.
                let form = request.query.merging(try await request.form()) { $1 }
                return try await OAuthRoutes.token(for: form, engine: engine, needsRedirect: false)
            })
    }

    /// The largest last part, plus room for the form around it, in bytes.
    private static let maxFormSize: Int64 = 2 * PartUpload.maxPartSize + 65_536

    /// Receives a part: either the raw body, or the file of a `multipart/form-data` form.
    private func receivePart(_ request: IncomingRequest) async throws -> PartTicket {
        guard let length = request.contentLength else { throw APIError.invalid("Content-Length is missing") }
        guard let type = request.headers[.contentType], type.lowercased().hasPrefix("multipart/form-data") else {
            return try await receiveBody(of: request, length: length)
        }
        return try await receiveForm(of: request, length: length, contentType: type)
    }

    private func receiveBody(of request: IncomingRequest, length: Int64) async throws -> PartTicket {
        let ticket: PartTicket
        do {
            ticket = try await beginPart(of: request, bytes: length)
        } catch {
            try await request.drain()
            throw error
        }
        try await write(request, to: ticket.file, at: ticket.range.lowerBound, lease: ticket.lease)
        try await engine.commitPart(ticket)
        return ticket
    }

    private func receiveForm(
        of request: IncomingRequest, length: Int64, contentType: String
    ) async throws -> PartTicket {
        do {
            try await engine.checkParts(bearer: request.bearer, uploadID: request.query["upload_id"])
            guard length <= Self.maxFormSize else {
                throw APIError(status: 413, code: "invalid_params", message: "The form is too large")
            }
        } catch {
            try await request.drain()
            throw error
        }
        // The size of the file is known only after the whole form has arrived.
        let form = engine.directory.root.appendingPathComponent("media/form-" + Identifiers.secret(16))
        defer { try? FileManager.default.removeItem(at: form) }
        try await write(request, to: form, at: 0, lease: nil)
        let source = try PosixFile(form, .read)
        guard
            let content = try MultipartForm.file(named: "video", in: source, bytes: length, contentType: contentType)
        else { throw APIError.invalid("The form has no file called video") }
        let ticket = try await beginPart(of: request, bytes: Int64(content.count))
        try await copy(content, of: source, to: ticket)
        try await engine.commitPart(ticket)
        return ticket
    }

    private func beginPart(of request: IncomingRequest, bytes: Int64) async throws -> PartTicket {
        try await engine.beginPart(
            bearer: request.bearer, uploadID: request.query["upload_id"], number: request.query["part_number"],
            bytes: bytes)
    }

    private func write(
        _ request: IncomingRequest, to url: URL, at start: Int64, lease: ChunkLease?
    ) async throws {
        let file = try PosixFile(url, .readWrite)
        var offset = start
        try await request.readBody { piece in
            if lease?.isRevoked == true { throw APIError.invalid("Another request has taken over this part") }
            try piece.withUnsafeReadableBytes { try file.write($0, at: offset) }
            offset += Int64(piece.readableBytes)
        }
    }

    private func copy(_ content: Range<Int64>, of source: PosixFile, to ticket: PartTicket) async throws {
        let file = try PosixFile(ticket.file, .readWrite)
        var offset = content.lowerBound
        while offset < content.upperBound {
            let piece = try source.read(
                at: offset, count: min(PosixFile.bufferSize, Int(content.upperBound - offset)))
            guard !piece.isEmpty else { throw IncomingFault.clientDisconnected }
            try piece.withUnsafeBytes {
                try file.write($0, at: ticket.range.lowerBound + offset - content.lowerBound)
            }
            offset += Int64(piece.count)
            await Task.yield()
        }
    }
}
