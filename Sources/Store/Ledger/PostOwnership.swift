import Foundation
import PipelineKit
import Synchronization

/// The posts that this process owns. Another process that reserves a post becomes its owner.
final class PostOwnership: Sendable {
    /// The id of this process in the ledger.
    let owner = UUID().uuidString
    private let reserved = Mutex<Set<String>>([])

    /// Records that this process has reserved a post.
    func insert(_ id: String) { reserved.withLock { _ = $0.insert(id) } }

    /// Whether this process has reserved the post. False for users and webhooks that only settle it.
    func hasReserved(_ id: String) -> Bool { reserved.withLock { $0.contains(id) } }

    /// Whether this process still owns the post. If it does, it stays the owner until the transaction ends.
    func owns(_ id: String, _ connection: any SQLConnection) throws -> Bool {
        let rows = try connection.query("SELECT owner FROM posts WHERE id = ? \(connection.dialect.locking)", [id])
        return try rows.first?.get("owner", as: String?.self) == owner
    }

    /// - Throws: `StageError` with code `busy` when another process owns a post that this process had reserved.
    func check(_ id: String, _ connection: any SQLConnection) throws {
        guard hasReserved(id), try !owns(id, connection) else { return }
        throw StageError(
            .busy, "another process has taken over the post \(id)", hint: "run the same command again later",
            recovery: .permanent)
    }
}
