import Hummingbird
import NIOCore

/// The upload host: `PUT /upload/?upload_id=…&upload_token=…`.
struct UploadRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        router.put("/upload") { [gateway] request, context in
            try await gateway.serve(request, context) { incoming, _ in
                try await Self.put(incoming, engine)
            }
        }
    }

    private static let contentTypes = ["video/mp4", "video/quicktime", "video/webm"]

    private static func put(_ incoming: Incoming, _ engine: SandboxEngine) async throws -> Answer {
        let ticket: ChunkTicket
        do {
            ticket = try await admit(incoming, engine)
        } catch let refusal as UploadRefusal {
            // Otherwise a client that is still sending sees a reset connection instead of the response.
            try await incoming.drain()
            throw refusal
        }
        try await write(incoming, ticket, engine)
        let progress = try await engine.commitChunk(ticket)
        var answer = Answer(status: progress.isComplete ? 201 : 206)
        answer.headers[.contentRange] = progress.contentRange
        answer.publishID = ticket.publishID
        return answer
    }

    private static func admit(_ incoming: Incoming, _ engine: SandboxEngine) async throws -> ChunkTicket {
        let post = try await engine.upload(id: incoming.query["upload_id"], token: incoming.query["upload_token"])
        func bad(_ message: String) -> UploadRefusal {
            UploadRefusal(status: 400, message: message, publishID: post.publishID)
        }
        guard let type = incoming.headers[.contentType], contentTypes.contains(type.lowercased()) else {
            throw bad("Content-Type has to be one of " + contentTypes.joined(separator: ", "))
        }
        guard let range = UploadRange(incoming.contentRange) else {
            throw bad("Content-Range has to be bytes <first>-<last>/<total>")
        }
        guard let length = incoming.contentLength else { throw bad("Content-Length is missing") }
        guard length == range.length else { throw bad("Content-Length does not match Content-Range") }
        return try await engine.beginChunk(post, range: range, contentType: type.lowercased())
    }

    /// Streams the body to its offset in the file. The progress changes only when the engine commits the whole chunk.
    private static func write(_ incoming: Incoming, _ ticket: ChunkTicket, _ engine: SandboxEngine) async throws {
        let file = try PosixFile(ticket.file, .readWrite)
        var offset = ticket.range.first
        try await incoming.readBody { piece in
            guard !ticket.lease.isRevoked else { throw await engine.superseded(ticket) }
            try piece.withUnsafeReadableBytes { bytes in
                try file.write(bytes, at: offset)
            }
            offset += Int64(piece.readableBytes)
        }
        guard offset == ticket.range.last + 1 else { throw IncomingFault.clientGone }
    }
}
