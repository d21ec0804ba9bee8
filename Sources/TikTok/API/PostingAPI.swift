package import PipelineKit

/// The calls that make a post and follow it: one protocol, two dialects.
///
/// `v2` is TikTok's documented API (``TikTokClient``), `multipart` the one of init, part, complete and publish
/// (``MultipartClient``). Both know shapes, not policy: they neither retry nor wait.
package protocol PostingAPI: Sendable {
    /// What the creator may post now.
    func creatorInfo(_ token: Secret) async throws(APIFailure) -> CreatorInfo
    /// Creates a post. Not idempotent: a second request is a second post.
    func create(_ post: NewPost, _ token: Secret) async throws(APIFailure) -> AcceptedPost
    /// How a post stands.
    func status(of publishID: String, _ token: Secret) async throws(APIFailure) -> PublishStatus
    /// Asks for a pull that is still under way to be given up.
    func cancel(_ publishID: String, _ token: Secret) async throws(APIFailure)
}

/// Which API is spoken: `TIKTOK_API`.
package enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// TikTok's documented API.
    case v2
    /// Init, part, complete, publish. No TikTok document describes it; gateways and the local sandbox speak it.
    case multipart
}
