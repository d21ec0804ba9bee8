package import Foundation
import GRDB
package import PipelineKit

/// The ledger in SQLite; upload addresses are sealed.
package struct SQLitePostLedger: PostLedger {
    let durable: DatabaseQueue
    private let sealer: Sealer
    let now: @Sendable () -> Date
    private let fence: JobFence?

    /// The ledger of `store`.
    /// - Parameter fence: The hold on a job that this process works for: without it no post is created.
    package init(
        _ store: SQLiteStore, sealer: Sealer, fence: JobFence? = nil, now: @escaping @Sendable () -> Date
    ) {
        self.fence = fence
        durable = store.durable
        self.sealer = sealer
        self.now = now
    }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] in try Self.fetch(key, $0, sealer) }
        }
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        let moment = now().timeIntervalSince1970
        return try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer] database in
                // A failed post posted nothing: it may be tried again, as if it never had been.
                try database.execute(
                    sql: """
                        INSERT INTO posts (id, account, digest, slot, state, asset, run, mode, postIDs, updatedAt)
                        VALUES (?, ?, ?, ?, 'reserved', ?, ?, 'direct', '[]', ?)
                        ON CONFLICT (account, digest, slot) DO UPDATE SET
                            state = 'reserved', publishID = NULL, uploadURL = NULL, acceptedAt = NULL,
                            reason = NULL, updatedAt = excluded.updatedAt, asset = excluded.asset, run = excluded.run
                        WHERE state = 'failed'
                        """,
                    arguments: [Self.newID(), key.account, key.digest, key.slot, asset, runID, moment])
                guard let record = try Self.fetch(key, database, sealer) else {
                    throw StoreError(.failed, "a post that was just reserved is not in the ledger")
                }
                return record
            }
        }
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        let moment = now().timeIntervalSince1970
        return try await StoreError.bridge("writing the post ledger failed") {
            try await durable.write { [sealer, fence] database in
                // In the same transaction: a worker that was taken for lost must not begin what another one begins.
                if change.state == .sending, let fence, try !fence.holds(database) { throw fence.lost }
                guard let current = try Self.fetch(id: id, database, sealer) else {
                    throw StoreError(.failed, "there is no post \(id) in the ledger")
                }
                guard PostTransition.isAllowed(from: current.state, change) else {
                    throw StoreError(
                        .illegalTransition,
                        "post \(id) is \(current.state.rawValue) and can't become \(change.state.rawValue)",
                        hint: "another run may have taken it further: see `spreader-pipeline posts list`")
                }
                var columns: [String: (any DatabaseValueConvertible)?] = [
                    "state": change.state.rawValue, "updatedAt": moment,
                ]
                switch change {
                case .sending(let announced):
                    columns["fileDigest"] = announced.fileDigest
                    columns["fileBytes"] = announced.fileBytes
                    columns["chunkSize"] = announced.chunkSize
                    columns["chunkCount"] = announced.chunkCount
                    columns["title"] = announced.title
                    columns["privacyLevel"] = announced.privacyLevel
                    columns["mode"] = announced.mode.rawValue
                    columns["username"] = announced.username
                case .accepted(let publishID, let uploadURL):
                    columns["publishID"] = publishID
                    columns["uploadURL"] = try uploadURL.map { try sealer.seal($0, context: "post:\(id)") }
                    columns["acceptedAt"] = moment
                case .uploaded:
                    columns["uploadURL"] = .some(nil)
                case .published(let postIDs, let url):
                    columns["postIDs"] = "[\(postIDs.map(String.init).joined(separator: ","))]"
                    columns["url"] = url
                    columns["uploadURL"] = .some(nil)
                    columns["reason"] = .some(nil)
                case .failed(let reason):
                    columns["reason"] = reason
                    columns["uploadURL"] = .some(nil)
                case .unconfirmed(let reason):
                    columns["reason"] = reason
                }
                let names = columns.keys.sorted()
                try database.execute(
                    sql: "UPDATE posts SET \(names.map { "\($0) = ?" }.joined(separator: ", ")) WHERE id = ?",
                    arguments: StatementArguments(names.map { columns[$0] ?? nil } + [id]))
                guard let record = try Self.fetch(id: id, database, sealer) else {
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
            try await durable.read { [sealer] database in
                let marks = wanted.map { _ in "?" }.joined(separator: ",")
                return try Row.fetchAll(
                    database, sql: "SELECT * FROM posts WHERE state IN (\(marks)) ORDER BY updatedAt DESC LIMIT ?",
                    arguments: StatementArguments(wanted + ["\(limit)"])
                ).map { try Self.record($0, sealer) }
            }
        }
    }

    /// The post that the service knows by this id.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(publishID: String) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] database in
                try Row.fetchOne(database, sql: "SELECT * FROM posts WHERE publishID = ?", arguments: [publishID]).map {
                    try Self.record($0, sealer)
                }
            }
        }
    }

    /// The post whose id begins with `prefix`, when there is exactly one.
    /// - Throws: `StageError` when the ledger can't be read.
    package func post(idPrefix prefix: String) async throws(StageError) -> PostRecord? {
        try await StoreError.bridge("reading the post ledger failed") {
            try await durable.read { [sealer] database in
                let rows = try Row.fetchAll(
                    database, sql: "SELECT * FROM posts WHERE substr(id, 1, length(?)) = ? LIMIT 2",
                    arguments: [prefix, prefix])
                return rows.count == 1 ? try rows.first.map { try Self.record($0, sealer) } : nil
            }
        }
    }

    private static func newID() -> String {
        "post-" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(10)
    }

    private static func fetch(_ key: PostKey, _ database: Database, _ sealer: Sealer) throws -> PostRecord? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM posts WHERE account = ? AND digest = ? AND slot = ?",
            arguments: [key.account, key.digest, key.slot]
        ).map { try record($0, sealer) }
    }

    private static func fetch(id: String, _ database: Database, _ sealer: Sealer) throws -> PostRecord? {
        try Row.fetchOne(database, sql: "SELECT * FROM posts WHERE id = ?", arguments: [id]).map {
            try record($0, sealer)
        }
    }

    private static func record(_ row: Row, _ sealer: Sealer) throws -> PostRecord {
        let id: String = row["id"]
        return PostRecord(
            id: id, key: PostKey(account: row["account"], digest: row["digest"], slot: row["slot"]),
            state: PostState(rawValue: row["state"]) ?? .unconfirmed, asset: row["asset"], runID: row["run"],
            publishID: row["publishID"],
            uploadURL: try (row["uploadURL"] as Data?).map { try sealer.open($0, context: "post:\(id)") },
            acceptedAt: (row["acceptedAt"] as Double?).map(Date.init(timeIntervalSince1970:)),
            fileDigest: row["fileDigest"], fileBytes: row["fileBytes"], chunkSize: row["chunkSize"],
            chunkCount: row["chunkCount"], title: row["title"], privacyLevel: row["privacyLevel"],
            mode: PostMode(rawValue: row["mode"]) ?? .direct, username: row["username"],
            postIDs: (try? JSONDecoder().decode([Int64].self, from: Data((row["postIDs"] as String).utf8))) ?? [],
            url: row["url"], reason: row["reason"], updatedAt: Date(timeIntervalSince1970: row["updatedAt"]))
    }
}
