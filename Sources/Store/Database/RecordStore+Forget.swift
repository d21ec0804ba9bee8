package import PipelineKit

extension RecordStore {
    /// The result of ``forget(account:)``.
    package struct Forgotten: Sendable, Hashable {
        /// The number of posts whose personal data was erased.
        package var posts: Int
        /// The number of changed or deleted rows of runs and jobs.
        package var records: Int
    }

    /// Erases everything that refers to the owner of an account: titles, names, ids and URLs of posts, and the records
    /// of the runs that made them. The digest of each posted file stays, so that it isn't posted twice by accident.
    /// - Parameter identity: The account's identity in the ledger.
    /// - Throws: `StageError` when the database can't be written; then nothing was erased.
    package func forget(account identity: String) async throws(StageError) -> Forgotten {
        try await StoreError.bridge("erasing the account failed") {
            let forgotten = try await durable.write { connection in
                // SQLite overwrites freed pages with zeros, instead of only marking them as free.
                if connection.dialect == .sqlite { _ = try connection.query("PRAGMA secure_delete = ON") }
                let records = try Self.eraseRuns(of: identity, connection) + Self.eraseJobs(of: identity, connection)
                return Forgotten(posts: try Self.erasePosts(of: identity, connection), records: records)
            }
            try await durable.scrub(["stages", "checkpoints", "assets", "runs", "jobs", "posts"])
            return forgotten
        }
    }

    private static func eraseRuns(of identity: String, _ connection: any SQLConnection) throws -> Int {
        // Only the runs that made its posts: other runs may have posted the same footage to other accounts.
        let postedAssets = """
            (run, asset) IN (SELECT assets.run, assets.asset FROM assets
                JOIN posts ON posts.run = assets.run AND posts.digest = assets.digest WHERE posts.account = ?)
            """
        let mentionsPost = connection.dialect.condition("assets.message", contains: "posts.publishID")
        let statements = [
            "DELETE FROM stages WHERE \(postedAssets)", "DELETE FROM checkpoints WHERE \(postedAssets)",
            // Later runs recorded the id and URL of the post when they skipped it.
            """
            UPDATE assets SET message = NULL WHERE message IS NOT NULL AND EXISTS (SELECT 1 FROM posts
                WHERE posts.account = ? AND posts.digest = assets.digest
                AND (posts.run = assets.run OR \(mentionsPost)))
            """,
            // The command line may contain a title.
            "UPDATE runs SET command = '[]' WHERE id IN (SELECT run FROM posts WHERE account = ?)",
        ]
        return try statements.reduce(0) { try $0 + connection.execute($1, [identity]) }
    }

    /// The options of a job may contain a title, and its message the post's URL. Waiting jobs are cancelled.
    private static func eraseJobs(of identity: String, _ connection: any SQLConnection) throws -> Int {
        try connection.execute(
            """
            UPDATE jobs SET options = '[]', message = NULL,
                finishedAt = CASE WHEN \(JobQueue.waiting) THEN ? ELSE finishedAt END,
                state = CASE WHEN \(JobQueue.waiting) THEN 'cancelled' ELSE state END
            WHERE account = ?
            """, [try connection.now(), String(identity.prefix { $0 != "@" })])
    }

    /// Without its publish id, the outcome of a pending post can't be looked up any more.
    private static func erasePosts(of identity: String, _ connection: any SQLConnection) throws -> Int {
        try connection.execute(
            """
            UPDATE posts SET asset = '', publishID = NULL, uploadURL = NULL, title = NULL,
                privacyLevel = NULL, username = NULL, postIDs = '[]', url = NULL, reason = NULL,
                state = CASE WHEN state IN ('sending', 'accepted', 'uploaded') THEN 'unconfirmed' ELSE state END
            WHERE account = ?
            """, [identity])
    }
}
