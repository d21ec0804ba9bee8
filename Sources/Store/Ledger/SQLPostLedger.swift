import Foundation
package import PipelineKit
package import Posting

/// The post ledger in a database. Upload URLs are encrypted.
package struct SQLPostLedger: PostLedger {
    let durable: any SQLDatabase
    private let sealer: Sealer
    private let fence: JobFence?
    private let ownership = PostOwnership()
    /// How long `apply` retries when the database is unreachable.
    private static let patience = Duration.seconds(90)

    /// - Parameter fence: The lease of the job that this process works for; once it is lost, no post can be created.
    package init(_ store: RecordStore, sealer: Sealer, fence: JobFence? = nil) {
        self.fence = fence
        durable = store.durable
        self.sealer = sealer
    }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? { try await read { try $0.post(key) } }

    package func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await read { rows in
            try rows.posts(
                """
                WHERE account = ? AND digest = ? AND (slot = ? OR substr(slot, 1, length(?)) = ?) ORDER BY slot
                """, [key.account, key.digest, key.slot, key.seriesPrefix, key.seriesPrefix])
        }
    }

    /// Returns posts, newest first.
    /// - Parameter states: The states to include; nil for all.
    /// - Throws: `StageError` when the ledger can't be read.
    package func posts(states: Set<PostState>? = nil, limit: Int) async throws(StageError) -> [PostRecord] {
        let names = (states ?? Set(PostState.allCases)).map(\.rawValue).sorted()
        return try await read { rows in
            try rows.posts(
                "WHERE state IN (\(names.placeholders)) ORDER BY updatedAt DESC LIMIT ?",
                names as [any SQLConvertible] + [limit])
        }
    }

    /// Returns the post with the service's id; nil when the ledger has none.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(publishID: String) async throws(StageError) -> PostRecord? {
        try await read { try $0.posts("WHERE publishID = ?", [publishID]).first }
    }

    /// Returns the post whose id starts with `prefix`; nil when there is none or several.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(idPrefix prefix: String) async throws(StageError) -> PostRecord? {
        try await read { rows in
            let posts = try rows.posts("WHERE substr(id, 1, length(?)) = ? LIMIT 2", [prefix, prefix])
            return posts.count == 1 ? posts.first : nil
        }
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        try await write { [fence, ownership] rows in
            let connection = rows.connection
            if let fence, try !fence.isValid(connection) { throw fence.lostError }
            // Nothing was posted for a failed post, so it starts again as if it were new.
            try connection.execute(
                """
                INSERT INTO posts (id, account, digest, slot, state, asset, run, mode, postIDs, updatedAt)
                VALUES (?, ?, ?, ?, 'reserved', ?, ?, 'direct', '[]', ?)
                ON CONFLICT (account, digest, slot) DO UPDATE SET
                    state = 'reserved', publishID = NULL, uploadURL = NULL, acceptedAt = NULL,
                    reason = NULL, updatedAt = excluded.updatedAt, asset = excluded.asset, run = excluded.run
                WHERE posts.state = 'failed'
                """, [Self.newID(), key.account, key.digest, key.slot, asset, runID, try connection.now()])
            // Become the owner: a previous owner can no longer send. An unfinished post now belongs to this run.
            try connection.execute(
                """
                UPDATE posts SET owner = ?, run = CASE WHEN state IN ('reserved', 'sending', 'accepted', 'uploaded')
                    THEN ? ELSE run END
                WHERE account = ? AND digest = ? AND slot = ?
                """, [ownership.owner, runID, key.account, key.digest, key.slot])
            guard let post = try rows.post(key) else {
                throw StoreError(.failed, "the post that was just reserved is missing from the ledger")
            }
            ownership.insert(post.id)
            return post
        }
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        let deadline = ContinuousClock.now + Self.patience
        var delay = Duration.milliseconds(500)
        var isRetry = false
        while true {
            do throws(StageError) {
                return try await applyOnce(change, to: id, isRetry: isRetry)
            } catch {
                // A commit may succeed although the connection broke. Retry: nothing else knows what the service did.
                guard error.code == .unavailable, ownership.hasReserved(id), ContinuousClock.now < deadline else {
                    throw error
                }
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(5))
                isRetry = true
            }
        }
    }

    /// - Parameter isRetry: Whether an earlier attempt may have been committed.
    private func applyOnce(
        _ change: PostChange, to id: String, isRetry: Bool
    ) async throws(StageError) -> PostRecord {
        try await write { rows in
            try checkFence(change, to: id, rows.connection)
            try checkOwnership(change, of: id, rows.connection)
            guard let current = try rows.lockedPost(id: id) else {
                throw StoreError(.failed, "the ledger has no post \(id)")
            }
            if isRetry, try isApplied(change, to: current, rows.connection) { return current }
            let now = Date(timeIntervalSince1970: try rows.connection.now())
            guard let changed = current.applying(change, at: now) else {
                throw PostTransition.refusal(current, change)
            }
            try rows.update(changed)
            return changed
        }
    }

    /// A worker that lost its lease must not start what another worker starts, nor settle a post that it only found.
    private func checkFence(_ change: PostChange, to id: String, _ connection: any SQLConnection) throws {
        guard let fence else { return }
        let needsLease = change.state == .sending || (change.state == .failed && !ownership.hasReserved(id))
        if needsLease, try !fence.isValid(connection) { throw fence.lostError }
    }

    /// Only the owner may send, or state that nothing was posted.
    private func checkOwnership(_ change: PostChange, of id: String, _ connection: any SQLConnection) throws {
        guard change.state == .sending || change.state == .failed else { return }
        try ownership.check(id, connection)
    }

    /// Whether an earlier attempt of this process has applied the change.
    private func isApplied(_ change: PostChange, to post: PostRecord, _ connection: any SQLConnection) throws -> Bool {
        try post.state == change.state && ownership.owns(post.id, connection)
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (PostRows) throws -> Value
    ) async throws(StageError) -> Value {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] in try body(PostRows(connection: $0, sealer: sealer)) }
        }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (PostRows) throws -> Value
    ) async throws(StageError) -> Value {
        try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer] in try body(PostRows(connection: $0, sealer: sealer)) }
        }
    }

    private static func newID() -> String {
        "post-" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(10)
    }
}
