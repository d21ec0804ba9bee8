import Foundation
package import PipelineKit

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
                guard PostTransition.isAllowed(from: current.state, change) else {
                    throw StoreError(
                        .illegalTransition,
                        "post \(id) is \(current.state.rawValue) and can't become \(change.state.rawValue)",
                        hint: "another run may have taken it further: see `spreader-pipeline posts list`")
                }
                var columns: [String: SQLValue] = [
                    "state": change.state.rawValue.sql, "updatedAt": moment.sql,
                ]
                switch change {
                case .sending(let announced):
                    columns["fileDigest"] = announced.fileDigest.sql
                    columns["fileBytes"] = announced.fileBytes.sql
                    columns["chunkSize"] = announced.chunkSize.sql
                    columns["chunkCount"] = announced.chunkCount.sql
                    columns["title"] = announced.title.sql
                    columns["privacyLevel"] = announced.privacyLevel.sql
                    columns["mode"] = announced.mode.rawValue.sql
                    columns["username"] = announced.username.sql
                case .accepted(let publishID, let uploadURL):
                    columns["publishID"] = publishID.sql
                    columns["uploadURL"] = try uploadURL.map { try sealer.seal($0, context: "post:\(id)") }.sql
                    columns["acceptedAt"] = moment.sql
                case .uploaded:
                    columns["uploadURL"] = .null
                case .published(let postIDs, let url):
                    columns["postIDs"] = "[\(postIDs.map(String.init).joined(separator: ","))]".sql
                    columns["url"] = url.sql
                    columns["uploadURL"] = .null
                    columns["reason"] = .null
                case .failed(let reason):
                    columns["reason"] = reason.sql
                    columns["uploadURL"] = .null
                case .unconfirmed(let reason):
                    columns["reason"] = reason.sql
                }
                let names = columns.keys.sorted()
                try connection.execute(
                    "UPDATE posts SET \(names.map { "\($0) = ?" }.joined(separator: ", ")) WHERE id = ?",
                    names.compactMap { columns[$0] } + [id])
                guard let record = try Self.fetch(id: id, connection, sealer) else {
                    throw StoreError(.failed, "post \(id) vanished from the ledger")
                }
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
        return PostRecord(
            id: id,
            key: PostKey(account: try row.get("account"), digest: try row.get("digest"), slot: try row.get("slot")),
            state: PostState(rawValue: try row.get("state")) ?? .unconfirmed, asset: try row.get("asset"),
            runID: try row.get("run"), publishID: try row.get("publishID"),
            uploadURL: try row.get("uploadURL", as: Data?.self).map { try sealer.open($0, context: "post:\(id)") },
            acceptedAt: try row.get("acceptedAt"), fileDigest: try row.get("fileDigest"),
            fileBytes: try row.get("fileBytes"), chunkSize: try row.get("chunkSize"),
            chunkCount: try row.get("chunkCount"), title: try row.get("title"),
            privacyLevel: try row.get("privacyLevel"), mode: PostMode(rawValue: try row.get("mode")) ?? .direct,
            username: try row.get("username"),
            postIDs: (try? JSONDecoder().decode([Int64].self, from: Data(ids.utf8))) ?? [], url: try row.get("url"),
            reason: try row.get("reason"), updatedAt: try row.get("updatedAt"))
    }
}
