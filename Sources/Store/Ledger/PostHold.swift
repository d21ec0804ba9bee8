import Foundation
import PipelineKit
import Synchronization

/// The posts that this process owns. Another process that reserves a post becomes its owner.
final class PostHold: Sendable {
    /// The id of this process in the ledger.
    let owner = UUID().uuidString
    private let posts = Mutex<Set<String>>([])

    /// Records that this process works on a post.
    func take(_ id: String) { posts.withLock { _ = $0.insert(id) } }

    /// Whether this process has reserved the post. False for users and webhooks that only settle it.
    func has(_ id: String) -> Bool { posts.withLock { $0.contains(id) } }

    /// Whether this process still owns the post. It stays the owner until the transaction ends.
    func owns(_ id: String, _ connection: any SQLConnection) throws -> Bool {
        let rows = try connection.query("SELECT owner FROM posts WHERE id = ? \(connection.dialect.locking)", [id])
        return try rows.first?.get("owner", as: String?.self) == owner
    }

    /// Throws when another process has become the owner of a post that this process reserved.
    func check(_ id: String, _ connection: any SQLConnection) throws {
        guard has(id) else { return }
        guard try owns(id, connection) else {
            throw StageError(
                .busy, "another process has taken over the post \(id)", hint: "run the same command again later",
                recovery: .permanent)
        }
    }
}
