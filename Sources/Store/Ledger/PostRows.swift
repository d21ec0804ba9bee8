import Foundation
import PipelineKit
import Posting

/// The table `posts` within one transaction. Upload URLs are encrypted.
struct PostRows {
    let connection: any SQLConnection
    let sealer: Sealer

    func post(_ key: PostKey) throws -> PostRecord? {
        try posts("WHERE account = ? AND digest = ? AND slot = ?", [key.account, key.digest, key.slot]).first
    }

    /// Returns a post and locks its row until the transaction ends.
    func lockedPost(id: String) throws -> PostRecord? {
        try posts("WHERE id = ? \(connection.dialect.locking)", [id]).first
    }

    /// - Parameter clauses: The SQL after `FROM posts`.
    func posts(_ clauses: String, _ arguments: [any SQLConvertible]) throws -> [PostRecord] {
        try connection.query("SELECT * FROM posts \(clauses)", arguments).map(record)
    }

    /// Writes all columns that a change of a post can affect.
    func update(_ post: PostRecord) throws {
        let announcement = post.announcement
        try connection.execute(
            """
            UPDATE posts SET state = ?, updatedAt = ?, fileDigest = ?, fileBytes = ?, chunkSize = ?, chunkCount = ?,
                title = ?, privacyLevel = ?, mode = ?, username = ?, publishID = ?, uploadURL = ?, acceptedAt = ?,
                postIDs = ?, url = ?, reason = ?
            WHERE id = ?
            """,
            [
                post.state.rawValue, post.updatedAt, announcement?.fileDigest, announcement?.fileBytes,
                announcement?.chunkSize, announcement?.chunkCount, announcement?.title, announcement?.privacyLevel,
                post.mode.rawValue, announcement?.username, post.publishID,
                try post.uploadURL.map { try sealer.seal($0, context: Self.context(post.id)) }, post.acceptedAt,
                try JSONText.encode(post.postIDs), post.url, post.reason, post.id,
            ])
    }

    /// The sealer's context for an upload URL.
    static func context(_ id: String) -> String { "post:\(id)" }

    private func record(_ row: SQLRow) throws -> PostRecord {
        let id: String = try row.get("id")
        var post = PostRecord(
            id: id,
            key: PostKey(account: try row.get("account"), digest: try row.get("digest"), slot: try row.get("slot")),
            state: PostState(rawValue: try row.get("state")) ?? .unconfirmed, asset: try row.get("asset"),
            runID: try row.get("run"), updatedAt: try row.get("updatedAt"))
        post.announcement = try announcement(row)
        post.publishID = try row.get("publishID")
        post.uploadURL = try row.get("uploadURL", as: Data?.self).map {
            try sealer.open($0, context: Self.context(id))
        }
        post.acceptedAt = try row.get("acceptedAt")
        post.postIDs = (try? JSONText.decode(try row.get("postIDs"))) ?? []
        post.url = try row.get("url")
        post.reason = try row.get("reason")
        return post
    }

    /// Reads the announcement; nil when the request that creates the post has not been announced.
    private func announcement(_ row: SQLRow) throws -> PostAnnouncement? {
        guard let fileDigest = try row.get("fileDigest", as: String?.self) else { return nil }
        return PostAnnouncement(
            fileDigest: fileDigest, fileBytes: try row.get("fileBytes"), chunkSize: try row.get("chunkSize"),
            chunkCount: try row.get("chunkCount"), title: try row.get("title"),
            privacyLevel: try row.get("privacyLevel"), mode: PostMode(rawValue: try row.get("mode")) ?? .direct,
            username: try row.get("username"))
    }
}
