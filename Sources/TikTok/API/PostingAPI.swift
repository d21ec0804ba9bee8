package import PipelineKit

/// The calls that create a post and track its status, implemented by one client per dialect.
///
/// ``TikTokClient`` speaks `v2`, TikTok's documented API; ``MultipartClient`` speaks `multipart`. Clients only encode
/// requests and decode responses: they do not retry or wait.
package protocol PostingAPI: Sendable {
    /// Fetches the posting limits and options of the creator.
    func creatorInfo(token: Secret) async throws(APIFailure) -> CreatorInfo
    /// Creates a post. Not idempotent: a second request creates a second post.
    func create(_ post: NewPost, token: Secret) async throws(APIFailure) -> AcceptedPost
    /// Fetches the status of a post.
    func status(of publishID: String, token: Secret) async throws(APIFailure) -> PublishStatus
    /// Cancels a post that TikTok is still downloading.
    func cancel(_ publishID: String, token: Secret) async throws(APIFailure)
}

/// The API dialect, set by `TIKTOK_API`.
package enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// TikTok's documented Content Posting API.
    case v2
    /// Init, part, complete, publish. TikTok does not document it; gateways and the local sandbox implement it.
    case multipart
}
