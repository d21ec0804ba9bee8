import Foundation
import PipelineKit
import Synchronization

/// Which posts a process works on. Another one that takes a post over is its owner from then on.
final class PostHold: Sendable {
    /// Names this process in the ledger.
    let owner = UUID().uuidString
    private let posts = Mutex<Set<String>>([])

    /// Notes that the process works on a post.
    func take(_ id: String) { posts.withLock { _ = $0.insert(id) } }

    /// Whether the process works, or has worked, on a post; people and webhooks that settle one do not.
    func has(_ id: String) -> Bool { posts.withLock { $0.contains(id) } }

    /// Whether the post is still this process's; it stays so until the transaction ends.
    func owns(_ id: String, _ connection: any SQLConnection) throws -> Bool {
        let rows = try connection.query("SELECT owner FROM posts WHERE id = ? \(connection.dialect.locking)", [id])
        return try rows.first?.get("owner", as: String?.self) == owner
    }

    /// Refuses when another process has taken the post over meanwhile.
    func check(_ id: String, _ connection: any SQLConnection) throws {
        guard has(id) else { return }
        guard try owns(id, connection) else {
            throw StageError(
                .busy, "another process has taken over the post \(id)", hint: "run the same command again later",
                recovery: .permanent)
        }
    }
}
