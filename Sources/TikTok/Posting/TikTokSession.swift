package import PipelineKit
package import Posting

/// The API for one account. Acquires rate permits before each call, and renews a rejected access token once.
package struct TikTokSession: Sendable {
    private let api: any PostingAPI
    /// The client for multipart calls; nil with the v2 dialect.
    private let parts: MultipartClient?
    private let account: String
    private let credentials: any CredentialProvider
    private let permits: any RatePermits
    package let limits: TikTokLimits

    /// Creates a session for the account of `context`.
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

    /// Fetches the creator's posting limits and options.
    /// - Throws: `StageError`, also for error responses with HTTP 200.
    package func creatorInfo() async throws(StageError) -> CreatorInfo {
        let creator = try await renewing(within: limits.creatorInfo) { (token) throws(APIFailure) in
            try await api.creatorInfo(token: token)
        }
        // TikTok returns an error here if the creator's limit is reached, so success clears a recorded limit.
        try await permits.granted(limits.posts)
        return creator
    }

    /// Fetches the status of a post.
    /// - Throws: `StageError`.
    package func status(of publishID: String) async throws(StageError) -> PublishStatus {
        try await renewing(within: limits.status) { (token) throws(APIFailure) in
            try await api.status(of: publishID, token: token)
        }
    }

    /// Returns the account's credentials after checking that they include the permission for `mode`.
    /// - Throws: `StageError` with code `not-authorised`.
    package func credentials(for mode: PostMode) async throws(StageError) -> Credentials {
        let current = try await credentials.credentials(for: account)
        // `post.publish` and `content.upload` are the former names of the same permissions.
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

    /// Renews the credentials after the service rejected `rejected`.
    /// - Throws: `StageError` with code `not-authorised`.
    package func renewed(after rejected: Credentials) async throws(StageError) -> Credentials {
        try await credentials.renewed(for: account, after: rejected.accessToken)
    }

    /// Waits for the permits needed to create a post.
    /// - Throws: `StageError` with code `limited`.
    package func acquireCreationPermits(for mode: PostMode) async throws(StageError) {
        try await permits.acquire(limits.postCreation)
        try await permits.acquire(limits.cap(for: mode))
        // A multipart upload took this permit before it sent the parts.
        if parts == nil { try await acquireUploadPermit() }
    }

    /// Waits for a permit from the app's daily uploads.
    /// - Throws: `StageError` with code `limited`.
    package func acquireUploadPermit() async throws(StageError) { try await permits.acquire(limits.uploads) }

    /// Creates the post with a single request, without retries.
    package func create(
        _ post: NewPost, credentials: Credentials
    ) async throws(APIFailure) -> AcceptedPost {
        try await api.create(post, token: credentials.accessToken)
    }

    /// Returns the error for a failed creation, and records the creator's limit if the failure reports one.
    /// - Parameter mode: The mode of the post, which determines the permit that was taken.
    package func error(for failure: APIFailure, takenFor mode: PostMode) async -> StageError {
        await error(for: failure, takenPermit: limits.cap(for: mode).name)
    }

    private func error(for failure: APIFailure, takenPermit: String? = nil) async -> StageError {
        var error = StageError(tiktok: failure)
        guard case .refused(let refusal) = failure, let cap = limits.cap(refusedWith: refusal.code),
            // Best effort: recording the limit saves later calls, but a failure must not hide the original error.
            let used = try? await permits.refused(cap, taken: takenPermit == cap.name), let next = used.nextFree
        else { return error }
        let usage =
            "\(used.count) \(cap.name) were sent from here in the last \(cap.window.spoken); the oldest leaves that window in \(next.spoken)"
        error.hint = error.hint.map { "\($0); \(usage)" } ?? usage
        return error
    }

    /// Cancels a post that TikTok is still downloading.
    /// - Throws: `StageError`.
    package func cancel(_ publishID: String) async throws(StageError) {
        try await renewing(within: limits.status) { (token) throws(APIFailure) in
            try await api.cancel(publishID, token: token)
        }
    }

    // MARK: Parts

    /// Starts a multipart upload.
    /// - Throws: `StageError`.
    func openUpload(_ plan: ChunkPlan) async throws(StageError) -> OpenedUpload {
        try await renewing(within: limits.postCreation) { (token) throws(APIFailure) in
            try await partsAPI().openUpload(plan, token: token)
        }
    }

    /// Sends one part of a multipart upload.
    /// - Throws: `StageError`.
    func sendPart(_ part: VideoPart, timeout: Duration) async throws(StageError) -> ReceivedPart {
        try await renewing { (token) throws(APIFailure) in
            try await partsAPI().sendPart(part, timeout: timeout, token: token)
        }
    }

    /// Assembles the parts into a video.
    /// - Throws: `StageError`.
    func completeUpload(_ uploadID: String) async throws(StageError) -> CompletedVideo {
        try await renewing { (token) throws(APIFailure) in
            try await partsAPI().completeUpload(uploadID, token: token)
        }
    }

    private func partsAPI() throws(APIFailure) -> MultipartClient {
        guard let parts else { throw .transport(TikTokClient.otherDialect) }
        return parts
    }

    /// Makes a call, and repeats it once with a renewed token if the service rejects the first one.
    private func renewing<Answer>(
        within limit: RateLimit? = nil, _ call: (Secret) async throws(APIFailure) -> Answer
    ) async throws(StageError) -> Answer {
        var current = try await credentials.credentials(for: account)
        var hasRenewed = false
        while true {
            if let limit { try await permits.acquire(limit) }
            do throws(APIFailure) {
                return try await call(current.accessToken)
            } catch {
                guard error.isRefusedToken, !hasRenewed else { throw await self.error(for: error) }
                hasRenewed = true
                current = try await renewed(after: current)
            }
        }
    }
}

extension APIFailure {
    /// Whether the service rejected the access token, so that renewing it may help.
    package var isRefusedToken: Bool {
        guard case .refused(let refusal) = self else { return false }
        return refusal.code == "access_token_invalid"
    }

    /// Whether a request to create a post certainly created nothing.
    package var isCertainRefusal: Bool {
        switch self {
        case .refused(let refusal): refusal.status < 500 && refusal.code != "internal_error"
        // A 429 without an envelope comes from a gateway, which did not forward the request.
        case .unintelligible(let status, _, _): status == 429
        case .transport(let failure): !failure.requestBegun
        }
    }

    /// A description for the ledger, without secrets.
    package var summary: String {
        switch self {
        case .refused(let refusal): "HTTP \(refusal.status) \(refusal.code)"
        case .unintelligible(let status, let detail, _): "HTTP \(status), \(detail)"
        case .transport(let failure): failure.detail
        }
    }
}
