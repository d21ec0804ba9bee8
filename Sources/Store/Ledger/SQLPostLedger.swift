import Foundation
package import PipelineKit
package import Posting

/// The ledger in a database; upload addresses are sealed.
package struct SQLPostLedger: PostLedger {
    let durable: any SQLDatabase
    private let sealer: Sealer
    private let fence: JobFence?
    private let hold = PostHold()
    /// How long a step that the service has taken is tried to be written down.
    private static let patience = Duration.seconds(90)

    /// The ledger of `store`.
    /// - Parameter fence: The hold on a job that this process works for: without it no post is created.
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
                    """, [key.account, key.digest, key.slot, key.slot + "#", key.slot + "#"]
                ).map { try Self.record($0, sealer) }
            }
        }
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer, fence, hold] connection in
                if let fence, try !fence.holds(connection) { throw fence.lost }
                // A failed post posted nothing: it may be tried again, as if it never had been.
                try connection.execute(
                    """
                    INSERT INTO posts (id, account, digest, slot, state, asset, run, mode, postIDs, updatedAt)
                    VALUES (?, ?, ?, ?, 'reserved', ?, ?, 'direct', '[]', ?)
                    ON CONFLICT (account, digest, slot) DO UPDATE SET
                        state = 'reserved', publishID = NULL, uploadURL = NULL, acceptedAt = NULL,
                        reason = NULL, updatedAt = excluded.updatedAt, asset = excluded.asset, run = excluded.run
                    WHERE posts.state = 'failed'
                    """, [Self.newID(), key.account, key.digest, key.slot, asset, runID, try connection.now()])
                // Whoever works on it from now on; an earlier one has no say any more. What is not over is this run's.
                try connection.execute(
                    """
                    UPDATE posts SET owner = ?, run = CASE WHEN state IN ('reserved', 'sending', 'accepted', 'uploaded')
                        THEN ? ELSE run END
                    WHERE account = ? AND digest = ? AND slot = ?
                    """, [hold.owner, runID, key.account, key.digest, key.slot])
                guard let record = try Self.fetch(key, connection, sealer) else {
                    throw StoreError(.failed, "a post that was just reserved is not in the ledger")
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
                // A database that breaks off may have committed all the same, and what the service did is known only here.
                guard error.code == .unavailable, hold.has(id), ContinuousClock.now < deadline else { throw error }
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
                isRepeated = true
            }
        }
    }

    /// - Parameter isRepeated: Whether the same was tried before, and may have been written down.
    private func applyOnce(
        _ change: PostChange, to id: String, isRepeated: Bool
    ) async throws(StageError) -> PostRecord {
        try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer, fence, hold] connection in
                // In the same transaction: a worker that was taken for lost must not begin what another one begins.
                if let fence, change.state == .sending || (change.state == .failed && !hold.has(id)),
                    try !fence.holds(connection)
                {
                    throw fence.lost
                }
                // Nor may anybody say that nothing came of a post that another process has taken up.
                if change.state == .sending || change.state == .failed { try hold.check(id, connection) }
                let moment = try connection.now()
                if isRepeated, let written = try Self.fetch(id: id, connection, sealer, isChanging: true),
                    written.state == change.state, try hold.owns(id, connection)
                {
                    return written
                }
                guard let current = try Self.fetch(id: id, connection, sealer, isChanging: true) else {
                    throw StoreError(.failed, "there is no post \(id) in the ledger")
                }
                guard let record = current.applying(change, at: Date(timeIntervalSince1970: moment)) else {
                    throw PostTransition.refusal(current, change)
                }
                try Self.write(record, connection, sealer)
                return record
            }
        }
    }

    /// Posts, newest first.
    /// - Parameter states: Only these; nil for all.
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

    /// The post that the service knows by this id.
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

    /// The post whose id begins with `prefix`, when there is exactly one.
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

    /// - Parameter isChanging: Whether others must not change it before this transaction has.
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
