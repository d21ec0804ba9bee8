import Foundation
package import PipelineKit
package import Posting

/// The post ledger in a database. Upload addresses are encrypted.
package struct SQLPostLedger: PostLedger {
    let durable: any SQLDatabase
    private let sealer: Sealer
    private let fence: JobFence?
    private let hold = PostHold()
    /// How long `apply` retries when the database is unreachable.
    private static let patience = Duration.seconds(90)

    /// - Parameter fence: The lease of the job that this process works for; once it is lost, no post can be created.
    package init(_ store: RecordStore, sealer: Sealer, fence: JobFence? = nil) {
        self.fence = fence
        durable = store.durable
        self.sealer = sealer
    }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] in try Self.fetch(key, $0, sealer) }
        }
    }

    package func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] in
                try $0.query(
                    """
                    SELECT * FROM posts WHERE account = ? AND digest = ?
                    AND (slot = ? OR substr(slot, 1, length(?)) = ?) ORDER BY slot
                    """, [key.account, key.digest, key.slot, key.seriesPrefix, key.seriesPrefix]
                ).map { try Self.record($0, sealer) }
            }
        }
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer, fence, hold] connection in
                if let fence, try !fence.holds(connection) { throw fence.lost }
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
                    """, [hold.owner, runID, key.account, key.digest, key.slot])
                guard let record = try Self.fetch(key, connection, sealer) else {
                    throw StoreError(.failed, "the post that was just reserved is missing from the ledger")
                }
                hold.take(record.id)
                return record
            }
        }
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        let deadline = ContinuousClock.now + Self.patience
        var pause = Duration.milliseconds(500)
        var isRepeated = false
        while true {
            do throws(StageError) {
                return try await applyOnce(change, to: id, isRepeated: isRepeated)
            } catch {
                // A commit may succeed although the connection broke. Retry: nothing else knows what the service did.
                guard error.code == .unavailable, hold.has(id), ContinuousClock.now < deadline else { throw error }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
                isRepeated = true
            }
        }
    }

    /// - Parameter isRepeated: Whether an earlier attempt may have been committed.
    private func applyOnce(
        _ change: PostChange, to id: String, isRepeated: Bool
    ) async throws(StageError) -> PostRecord {
        try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer, fence, hold] connection in
                // In the same transaction: a worker that lost its lease must not start what another worker starts.
                if let fence, change.state == .sending || (change.state == .failed && !hold.has(id)),
                    try !fence.holds(connection)
                {
                    throw fence.lost
                }
                // The same for processes: only the owner may send, or state that nothing was posted.
                if change.state == .sending || change.state == .failed { try hold.check(id, connection) }
                let moment = try connection.now()
                if isRepeated, let written = try Self.fetch(id: id, connection, sealer, isChanging: true),
                    written.state == change.state, try hold.owns(id, connection)
                {
                    return written
                }
                guard let current = try Self.fetch(id: id, connection, sealer, isChanging: true) else {
                    throw StoreError(.failed, "the ledger has no post \(id)")
                }
                guard let record = current.applying(change, at: Date(timeIntervalSince1970: moment)) else {
                    throw PostTransition.refusal(current, change)
                }
                try Self.write(record, connection, sealer)
                return record
            }
        }
    }

    /// Returns posts, newest first.
    /// - Parameter states: The states to include; nil for all.
    /// - Throws: `StageError` when the ledger can't be read.
    package func posts(states: Set<PostState>? = nil, limit: Int) async throws(StageError) -> [PostRecord] {
        let wanted = (states ?? Set(PostState.allCases)).map(\.rawValue).sorted()
        return try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] connection in
                let marks = wanted.map { _ in "?" }.joined(separator: ",")
                return try connection.query(
                    "SELECT * FROM posts WHERE state IN (\(marks)) ORDER BY updatedAt DESC LIMIT ?",
                    wanted as [any SQLConvertible] + [limit]
                ).map { try Self.record($0, sealer) }
            }
        }
    }

    /// Returns the post with the service's id; nil when the ledger has none.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(publishID: String) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] connection in
                try connection.query("SELECT * FROM posts WHERE publishID = ?", [publishID]).first.map {
                    try Self.record($0, sealer)
                }
            }
        }
    }

    /// Returns the post whose id starts with `prefix`; nil when there is none or several.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(idPrefix prefix: String) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] connection in
                let rows = try connection.query(
                    "SELECT * FROM posts WHERE substr(id, 1, length(?)) = ? LIMIT 2", [prefix, prefix])
                return rows.count == 1 ? try rows.first.map { try Self.record($0, sealer) } : nil
            }
        }
    }

    private static func newID() -> String {
        "post-" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(10)
    }

    private static func fetch(
        _ key: PostKey, _ connection: any SQLConnection, _ sealer: Sealer
    ) throws -> PostRecord? {
        try connection.query(
            "SELECT * FROM posts WHERE account = ? AND digest = ? AND slot = ?", [key.account, key.digest, key.slot]
        ).first.map { try record($0, sealer) }
    }

    /// - Parameter isChanging: Lock the row until the transaction ends.
    private static func fetch(
        id: String, _ connection: any SQLConnection, _ sealer: Sealer, isChanging: Bool = false
    ) throws -> PostRecord? {
        let lock = isChanging ? connection.dialect.locking : ""
        return try connection.query("SELECT * FROM posts WHERE id = ? \(lock)", [id]).first.map {
            try record($0, sealer)
        }
    }

    private static func record(_ row: SQLRow, _ sealer: Sealer) throws -> PostRecord {
        let id: String = try row.get("id")
        let ids: String = try row.get("postIDs")
        var record = PostRecord(
            id: id,
            key: PostKey(account: try row.get("account"), digest: try row.get("digest"), slot: try row.get("slot")),
            state: PostState(rawValue: try row.get("state")) ?? .unconfirmed, asset: try row.get("asset"),
            runID: try row.get("run"), updatedAt: try row.get("updatedAt"))
        record.announcement = try announcement(row)
        record.publishID = try row.get("publishID")
        record.uploadURL = try row.get("uploadURL", as: Data?.self).map { try sealer.open($0, context: "post:\(id)") }
        record.acceptedAt = try row.get("acceptedAt")
        record.postIDs = (try? JSONDecoder().decode([Int64].self, from: Data(ids.utf8))) ?? []
        record.url = try row.get("url")
        record.reason = try row.get("reason")
        return record
    }

    private static func announcement(_ row: SQLRow) throws -> PostAnnouncement? {
        guard let digest = try row.get("fileDigest", as: String?.self) else { return nil }
        return PostAnnouncement(
            fileDigest: digest, fileBytes: try row.get("fileBytes"), chunkSize: try row.get("chunkSize"),
            chunkCount: try row.get("chunkCount"), title: try row.get("title"),
            privacyLevel: try row.get("privacyLevel"), mode: PostMode(rawValue: try row.get("mode")) ?? .direct,
            username: try row.get("username"))
    }

    /// Writes all that a change may have changed of a post.
    private static func write(_ record: PostRecord, _ connection: any SQLConnection, _ sealer: Sealer) throws {
        let announced = record.announcement
        let sealed = try record.uploadURL.map { try sealer.seal($0, context: "post:\(record.id)") }
        try connection.execute(
            """
            UPDATE posts SET state = ?, updatedAt = ?, fileDigest = ?, fileBytes = ?, chunkSize = ?, chunkCount = ?,
                title = ?, privacyLevel = ?, mode = ?, username = ?, publishID = ?, uploadURL = ?, acceptedAt = ?,
                postIDs = ?, url = ?, reason = ?
            WHERE id = ?
            """,
            [
                record.state.rawValue, record.updatedAt, announced?.fileDigest, announced?.fileBytes,
                announced?.chunkSize, announced?.chunkCount, announced?.title, announced?.privacyLevel,
                record.mode.rawValue, announced?.username, record.publishID, sealed, record.acceptedAt,
                "[\(record.postIDs.map(String.init).joined(separator: ","))]", record.url, record.reason, record.id,
            ])
    }
}
