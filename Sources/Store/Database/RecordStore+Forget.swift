package import PipelineKit

extension RecordStore {
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
            let forgotten = try await durable.write { [durable] connection in
                // Pages that are let go are overwritten, not merely marked as free.
                if connection.dialect == .sqlite { _ = try connection.query("PRAGMA secure_delete = ON") }
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
                        AND (posts.run = assets.run OR \(durable.dialect.holds("assets.message", "posts.publishID"))))
                    """,
                    // What was typed may hold a title.
                    "UPDATE runs SET command = '[]' WHERE id IN (SELECT run FROM posts WHERE account = ?)",
                ] {
                    records += try connection.execute(sql, [identity])
                }
                // A job says what its post was to say, and ends with its address; one that waits can't go on.
                records += try connection.execute(
                    """
                    UPDATE jobs SET options = '[]', message = NULL,
                        finishedAt = CASE WHEN state IN ('available', 'scheduled', 'retryable') THEN ?
                            ELSE finishedAt END,
                        state = CASE WHEN state IN ('available', 'scheduled', 'retryable') THEN 'cancelled'
                            ELSE state END
                    WHERE account = ?
                    """, [try connection.now(), String(identity.prefix { $0 != "@" })])
                // Without its publish id nobody can ask what became of a post.
                let posts = try connection.execute(
                    """
                    UPDATE posts SET asset = '', publishID = NULL, uploadURL = NULL, title = NULL,
                        privacyLevel = NULL, username = NULL, postIDs = '[]', url = NULL, reason = NULL,
                        state = CASE WHEN state IN ('sending', 'accepted', 'uploaded') THEN 'unconfirmed'
                            ELSE state END
                    WHERE account = ?
                    """, [identity])
                return Forgotten(posts: posts, records: records)
            }
            try await durable.scrub(["stages", "checkpoints", "assets", "runs", "jobs", "posts"])
            return forgotten
        }
    }
}
