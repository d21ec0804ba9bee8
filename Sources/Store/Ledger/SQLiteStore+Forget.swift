import GRDB
package import PipelineKit

extension SQLiteStore {
    /// What ``forget(account:)`` erased.
    package struct Forgotten: Sendable, Hashable {
        /// Posts of the ledger that were emptied.
        package var posts: Int
        /// Records of runs that were erased.
        package var records: Int
    }

    /// Empties everything that refers to an account's owner: titles, names, ids and addresses of posts, and what runs
    /// noted of them. The digest of each posted file stays, so that it is not posted again by mistake.
    /// - Parameter identity: The ledger's name for the account.
    /// - Throws: `StageError` when the database can't be written; then nothing was erased.
    package func forget(account identity: String) async throws(StageError) -> Forgotten {
        try await StoreError.bridge("erasing the account failed") {
            let forgotten = try await durable.write { database in
                // Pages that are let go are overwritten, not merely marked as free.
                try database.execute(sql: "PRAGMA secure_delete = ON")
                // The runs that made its posts; the same footage may have gone to other accounts in others.
                let places = """
                    (run, asset) IN (SELECT assets.run, assets.asset FROM assets
                        JOIN posts ON posts.run = assets.run AND posts.digest = assets.digest WHERE posts.account = ?)
                    """
                var records = 0
                for sql in [
                    "DELETE FROM stages WHERE \(places)", "DELETE FROM checkpoints WHERE \(places)",
                    // Later runs noted the post's id and address when they skipped it.
                    """
                    UPDATE assets SET message = NULL WHERE message IS NOT NULL AND EXISTS (SELECT 1 FROM posts
                        WHERE posts.account = ? AND posts.digest = assets.digest
                        AND (posts.run = assets.run OR instr(assets.message, posts.publishID) > 0))
                    """,
                    // What was typed may hold a title.
                    "UPDATE runs SET command = '[]' WHERE id IN (SELECT run FROM posts WHERE account = ?)",
                ] {
                    try database.execute(sql: sql, arguments: [identity])
                    records += database.changesCount
                }
                // A job says what its post was to say, and ends with its address; one that waits can't go on.
                try database.execute(
                    sql: """
                        UPDATE jobs SET options = '[]', message = NULL,
                            state = CASE WHEN state IN ('available', 'scheduled', 'retryable') THEN 'cancelled'
                                ELSE state END
                        WHERE account = ?
                        """, arguments: [String(identity.prefix { $0 != "@" })])
                records += database.changesCount
                try database.execute(
                    sql: """
                        UPDATE posts SET asset = '', publishID = NULL, uploadURL = NULL, title = NULL,
                            privacyLevel = NULL, username = NULL, postIDs = '[]', url = NULL, reason = NULL,
                            -- Without its publish id nobody can ask what became of it.
                            state = CASE WHEN state IN ('sending', 'accepted', 'uploaded') THEN 'unconfirmed'
                                ELSE state END
                        WHERE account = ?
                        """, arguments: [identity])
                return Forgotten(posts: database.changesCount, records: records)
            }
            // Older versions of the pages are in the log until it is emptied.
            _ = try await durable.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            return forgotten
        }
    }
}
