import Foundation
import Synchronization

/// An error of the upload host: a bare status, with the progress in `Content-Range` if the client can use it.
struct UploadRefusal: Error, Sendable {
    var status: Int
    var message: String
    var contentRange: String?
    var publishID: String?
}

/// The right to write one chunk. A newer PUT for the same upload revokes it, so that a half-open connection can
/// neither block a retry nor overwrite its bytes.
final class ChunkLease: Sendable {
    private let revoked = Mutex(false)

    var isRevoked: Bool { revoked.withLock(\.self) }
    func revoke() { revoked.withLock { $0 = true } }
}

/// Permission to write one chunk.
struct ChunkTicket: Sendable {
    var publishID: String
    var file: URL
    var range: UploadRange
    var contentType: String
    var lease: ChunkLease
}

/// How much of an upload has arrived.
struct UploadProgress: Sendable {
    var committed: Int64
    var total: Int64
    var style: SandboxSettings.RangeStyle

    var isComplete: Bool { committed == total }

    /// The progress in the form of TikTok's `Content-Range` header; `*` while no byte has arrived.
    var contentRange: String {
        guard committed > 0 else { return "bytes */\(total)" }
        return "bytes 0-\(style == .last ? committed - 1 : committed)/\(total)"
    }
}

extension SandboxEngine {
    /// Returns the post that an upload URL belongs to.
    func upload(id: String?, token: String?) throws -> Post {
        guard let id, let post = state.post(uploadID: id) else {
            throw UploadRefusal(status: 404, message: "no such upload task")
        }
        guard let token, equalInConstantTime(token, post.uploadToken) else {
            throw UploadRefusal(status: 403, message: "the upload token is invalid", publishID: post.publishID)
        }
        return post
    }

    /// Checks a PUT against the progress and permits writing it.
    func beginChunk(of post: Post, range: UploadRange, contentType: String) throws -> ChunkTicket {
        let id = post.publishID
        guard let post = state.posts[id] else { throw UploadRefusal(status: 404, message: "no such upload task") }
        let progress = progress(of: post)
        let mismatch = UploadRefusal(
            status: 416, message: "the range does not match the progress", contentRange: progress.contentRange,
            publishID: id)
        if progress.isComplete { throw mismatch }
        guard now() < post.urlExpiresAt else {
            throw UploadRefusal(status: 403, message: "the upload url is expired", publishID: id)
        }
        guard range.total == post.plan.videoSize else {
            throw UploadRefusal(status: 400, message: "the total does not match video_size", publishID: id)
        }
        guard range.first == post.committed else { throw mismatch }
        guard range.last == post.plan.lastByte(ofChunkAt: range.first) else {
            throw UploadRefusal(
                status: 400, message: "the range is not the chunk that the init announced",
                contentRange: progress.contentRange, publishID: id)
        }
        leases[id]?.revoke()
        let lease = ChunkLease()
        leases[id] = lease
        return ChunkTicket(
            publishID: id, file: directory.media(id), range: range, contentType: contentType, lease: lease)
    }

    /// Records a chunk whose complete body is on disk.
    func commitChunk(_ ticket: ChunkTicket) throws -> UploadProgress {
        guard let post = state.posts[ticket.publishID], !ticket.lease.isRevoked, post.committed == ticket.range.first
        else {
            throw superseded(ticket)
        }
        leases[ticket.publishID] = nil
        let committed = ticket.range.last + 1
        let isLast = committed == post.plan.videoSize
        let settings = settings
        let readyAt = isLast ? now().addingTimeInterval(settings.processingSeconds) : nil
        try commit(
            .chunkCommitted(
                publishID: post.publishID, committed: committed, contentType: ticket.contentType, readyAt: readyAt,
                publicAt: readyAt?.addingTimeInterval(settings.moderationSeconds)))
        if isLast { inspectionQueue.yield(post.publishID) }
        return UploadProgress(
            committed: committed, total: post.plan.videoSize, style: settings.uploadedContentRangeStyle)
    }

    /// The error for a writer whose lease was revoked.
    func superseded(_ ticket: ChunkTicket) -> UploadRefusal {
        UploadRefusal(
            status: 416, message: "another request has taken over this upload",
            contentRange: state.posts[ticket.publishID].map { progress(of: $0).contentRange },
            publishID: ticket.publishID)
    }

    private func progress(of post: Post) -> UploadProgress {
        UploadProgress(
            committed: post.committed, total: post.plan.videoSize, style: settings.uploadedContentRangeStyle)
    }
}

extension SandboxEngine {
    /// The publish id of an upload, for the request log.
    func publishID(uploadID: String?) -> String? {
        uploadID.flatMap { state.post(uploadID: $0)?.publishID }
    }

    /// The number of a request's chunk or part, counted from 1, for fault rules.
    func chunkNumber(uploadID: String?, contentRange: String?, part: String?) -> Int? {
        if let part { return Int(part) }
        guard let uploadID, let post = state.post(uploadID: uploadID), let range = UploadRange(contentRange) else {
            return nil
        }
        return Int(range.first / max(1, post.plan.chunkSize)) + 1
    }
}
