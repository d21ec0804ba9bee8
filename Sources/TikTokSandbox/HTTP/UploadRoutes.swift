import Hummingbird
import NIOCore

/// The upload host: `PUT /upload/?upload_id=…&upload_token=…`.
struct UploadRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        router.put("/upload", use: gateway.handler { request, _ in try await receiveChunk(request) })
    }

    private static let contentTypes = ["video/mp4", "video/quicktime", "video/webm"]

    private func receiveChunk(_ request: IncomingRequest) async throws -> EndpointResponse {
        let ticket: ChunkTicket
        do {
            ticket = try await admit(request)
        } catch let refusal as UploadRefusal {
            // Otherwise a client that is still sending sees a reset connection instead of the response.
            try await request.drain()
            throw refusal
        }
        try await writeBody(of: request, ticket: ticket)
        let progress = try await engine.commitChunk(ticket)
        var response = EndpointResponse(status: progress.isComplete ? 201 : 206)
        response.headers[.contentRange] = progress.contentRange
        response.publishID = ticket.publishID
        return response
    }

    private func admit(_ request: IncomingRequest) async throws -> ChunkTicket {
        let post = try await engine.upload(id: request.query["upload_id"], token: request.query["upload_token"])
        func badRequest(_ message: String) -> UploadRefusal {
            UploadRefusal(status: 400, message: message, publishID: post.publishID)
        }
        guard let type = request.headers[.contentType], Self.contentTypes.contains(type.lowercased()) else {
            throw badRequest("Content-Type has to be one of " + Self.contentTypes.joined(separator: ", "))
        }
        guard let range = UploadRange(request.contentRange) else {
            throw badRequest("Content-Range has to be bytes <first>-<last>/<total>")
        }
        guard let length = request.contentLength else { throw badRequest("Content-Length is missing") }
        guard length == range.length else { throw badRequest("Content-Length does not match Content-Range") }
        return try await engine.beginChunk(of: post, range: range, contentType: type.lowercased())
    }

    /// Streams the body to its offset in the file. The progress changes only when the engine commits the whole chunk.
    private func writeBody(of request: IncomingRequest, ticket: ChunkTicket) async throws {
        let file = try PosixFile(ticket.file, .readWrite)
        var offset = ticket.range.first
        try await request.readBody { piece in
            guard !ticket.lease.isRevoked else { throw await engine.superseded(ticket) }
            try piece.withUnsafeReadableBytes { bytes in
                try file.write(bytes, at: offset)
            }
            offset += Int64(piece.readableBytes)
        }
        guard offset == ticket.range.last + 1 else { throw IncomingFault.clientDisconnected }
    }
}
