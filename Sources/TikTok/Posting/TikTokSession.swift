package import PipelineKit
package import Posting

/// The API on behalf of one account: takes permits, and renews a refused token once.
package struct TikTokSession: Sendable {
    private let api: any PostingAPI
    /// The calls that send parts; nil in v2.
    private let parts: MultipartClient?
    private let account: String
    private let credentials: any CredentialProvider
    private let permits: any RatePermits
    /// The account's limits.
    package let limits: TikTokLimits

    /// The API on behalf of the context's account.
    package init(_ configuration: TikTokConfiguration, transport: any Transport, context: StageContext) {
        switch configuration.dialect {
        case .v2:
            parts = nil
            api = TikTokClient(configuration, transport: transport)
        case .multipart:
            let client = MultipartClient(configuration, transport: transport)
            parts = client
            api = client
        }
        account = context.account
        credentials = context.credentials
        permits = context.permits
        limits = TikTokLimits(configuration, account: context.postKey.account)
    }

    /// What the creator may post now.
    /// - Throws: `StageError`; refusals also come with HTTP 200.
    package func creatorInfo() async throws(StageError) -> CreatorInfo {
        let creator = try await renewing(limits.creatorInfo) { (token) throws(APIFailure) in
            try await api.creatorInfo(token)
        }
        // TikTok answers this call with a refusal when the creator's cap is reached: it is not.
        try await permits.granted(limits.posts)
        return creator
    }

    /// How a post stands.
    /// - Throws: `StageError`.
    package func status(of publishID: String) async throws(StageError) -> PublishStatus {
        try await renewing(limits.status) { (token) throws(APIFailure) in
            try await api.status(of: publishID, token)
        }
    }

    /// The account's credentials, checked for the permission that `mode` needs.
    /// - Throws: `StageError` with code `not-authorised`.
    package func credentials(for mode: PostMode) async throws(StageError) -> Credentials {
        let current = try await credentials.credentials(for: account)
        // `post.publish` and `content.upload` are former names of the same permissions.
        let accepted: Set<String> =
            mode == .direct ? ["video.publish", "post.publish"] : ["video.upload", "content.upload"]
        if let scopes = current.scopes, !scopes.isEmpty, accepted.isDisjoint(with: scopes) {
            throw StageError(
                .notAuthorised,
                "the account \"\(account)\" has not granted \(mode == .direct ? "video.publish" : "video.upload")",
                hint: "log in again and leave that permission ticked")
        }
        return current
    }

    /// New credentials after `rejected` was refused.
    /// - Throws: `StageError` with code `not-authorised`.
    package func renewed(after rejected: Credentials) async throws(StageError) -> Credentials {
        try await credentials.renewed(for: account, after: rejected.accessToken)
    }

    /// Waits for the permits that creating a post takes.
    /// - Throws: `StageError` with code `limited`.
    package func acquireCreationPermits(for mode: PostMode) async throws(StageError) {
        try await permits.acquire(limits.postCreation)
        try await permits.acquire(limits.cap(for: mode))
        // In parts, the bytes went before and took the permit.
        if parts == nil { try await acquireUploadPermit() }
    }

    /// Waits for the permit that one upload of the app takes.
    /// - Throws: `StageError` with code `limited`.
    package func acquireUploadPermit() async throws(StageError) { try await permits.acquire(limits.uploads) }

    /// Creates the post. One request, never repeated here.
    package func create(_ post: NewPost, _ credentials: Credentials) async throws(APIFailure) -> AcceptedPost {
        try await api.create(post, credentials.accessToken)
    }

    /// The error for a refused creation; a cap that it tells of is remembered.
    /// - Parameter mode: The post's, whose permit was taken.
    package func error(for failure: APIFailure, takenFor mode: PostMode) async -> StageError {
        await error(for: failure, taken: limits.cap(for: mode).name)
    }

    private func error(for failure: APIFailure, taken: String?) async -> StageError {
        var error = StageError(tiktok: failure)
        guard case .refused(let refusal) = failure, let cap = limits.cap(refusedWith: refusal.code),
            // It spares later calls; that it can't be kept is no reason to hide the refusal.
            let used = try? await permits.refused(cap, taken: taken == cap.name), let next = used.nextFree
        else { return error }
        let words =
            "\(used.count) \(cap.name) of the last \(cap.window.spoken) went from here, and the first of them leaves that window in \(next.spoken)"
        error.hint = error.hint.map { "\($0); \(words)" } ?? words
        return error
    }

    /// Asks for a pull that is still under way to be given up.
    /// - Throws: `StageError`.
    package func cancel(_ publishID: String) async throws(StageError) {
        try await renewing(limits.status) { (token) throws(APIFailure) in try await api.cancel(publishID, token) }
    }

    // MARK: Parts

    /// Opens an upload in parts.
    /// - Throws: `StageError`.
    func openUpload(_ plan: ChunkPlan) async throws(StageError) -> OpenedUpload {
        try await renewing(limits.postCreation) { (token) throws(APIFailure) in
            try await partsAPI().openUpload(plan, token)
        }
    }

    /// Sends one part.
    /// - Throws: `StageError`.
    func sendPart(
        _ number: Int, of uploadID: String, _ chunk: FileChunk, timeout: Duration
    ) async throws(StageError) -> ReceivedPart {
        try await renewing(nil) { (token) throws(APIFailure) in
            try await partsAPI().sendPart(number, of: uploadID, chunk, timeout: timeout, token)
        }
    }

    /// Puts the parts together.
    /// - Throws: `StageError`.
    func completeUpload(_ uploadID: String) async throws(StageError) -> CompletedVideo {
        try await renewing(nil) { (token) throws(APIFailure) in
            try await partsAPI().completeUpload(uploadID, token)
        }
    }

    private func partsAPI() throws(APIFailure) -> MultipartClient {
        guard let parts else { throw .transport(TikTokClient.otherDialect) }
        return parts
    }

    private func renewing<Answer>(
        _ limit: RateLimit?, _ call: (Secret) async throws(APIFailure) -> Answer
    ) async throws(StageError) -> Answer {
        var current = try await credentials.credentials(for: account)
        var hasRenewed = false
        while true {
            if let limit { try await permits.acquire(limit) }
            do throws(APIFailure) {
                return try await call(current.accessToken)
            } catch {
                guard error.isRefusedToken, !hasRenewed else { throw await self.error(for: error, taken: nil) }
                hasRenewed = true
                current = try await renewed(after: current)
            }
        }
    }
}

extension APIFailure {
    /// Whether the access token was refused, which a new one may cure.
    package var isRefusedToken: Bool {
        guard case .refused(let refusal) = self else { return false }
        return refusal.code == "access_token_invalid"
    }

    /// Whether it is certain that a creating request created nothing.
    package var isCertainRefusal: Bool {
        switch self {
        case .refused(let refusal): refusal.status < 500 && refusal.code != "internal_error"
        // A 429 without an envelope comes from a gateway that let nothing through.
        case .unintelligible(let status, _, _): status == 429
        case .transport(let failure): !failure.requestBegun
        }
    }

    /// What happened, for the ledger: never a secret.
    package var summary: String {
        switch self {
        case .refused(let refusal): "HTTP \(refusal.status) \(refusal.code)"
        case .unintelligible(let status, let detail, _): "HTTP \(status), \(detail)"
        case .transport(let failure): failure.detail
        }
    }
}
