import Foundation
import PipelineKit
import Posting
import TikTok

extension UploadWorkflow {
    /// Creates a reserved post and uploads its bytes: before the creation with the multipart dialect, after it with v2.
    func create(_ reserved: PostRecord) async throws(StageError) -> Step {
        let route = try Route(of: input.video, origin: origin, dialect: configuration.dialect)
        if case .chunks = route {
            try checkBandwidth()
            try await checkRate()
        }
        let payload = try await UploadPayload(input)
        // Reject a login without the permission before any request to TikTok.
        _ = try await session.credentials(for: context.post.mode)
        let creator = try await recordingFailure(of: reserved) { () throws(StageError) in try await creatorInfo() }
        let source = try await recordingFailure(of: reserved) { () throws(StageError) in
            try await self.source(of: payload, route: route)
        }
        let accepted = try await create(
            post(from: source, creator: creator), announcing: announcement(of: payload, creator: creator), as: reserved)
        guard let url = accepted.uploadURL else {
            // TikTok already has the bytes or fetches them, so there is nothing to send.
            return .uploaded(try await commit(.uploaded, to: accepted.record))
        }
        return try await send(payload.file, by: payload.plan, for: accepted.record, to: url)
    }

    // MARK: Before the creation

    /// Throws if the upload can't finish in time at the configured rate.
    private func checkBandwidth() throws(StageError) {
        guard let bytesPerSecond else { return }
        let seconds = Double(input.video.file.bytes) / bytesPerSecond
        guard seconds > PendingUpload.urlLifetime * 0.95 else { return }
        throw StageError(
            .invalidOption,
            "with this \"bandwidth\" the upload would take \(Duration.seconds(seconds).spoken), but TikTok allows an hour",
            hint: "raise \"bandwidth\" of the upload stage")
    }

    /// Throws if the upload can't finish in time at the rate of recent uploads.
    private func checkRate() async throws(StageError) {
        let since = context.clock.now().addingTimeInterval(-UploadRate.lifetime)
        guard let rate = try await context.ledger.uploadRate(to: configuration.apiBaseURL, since: since),
            let problem = UploadRate.problem(bytes: input.video.file.bytes, atMeasured: rate)
        else { return }
        throw problem
    }

    /// Fetches the creator's limits and checks the post against them. Returns nil for drafts, which have no settings
    /// and whose permission does not cover this call.
    private func creatorInfo() async throws(StageError) -> CreatorInfo? {
        guard context.post.mode == .direct else { return nil }
        let creator = try await session.creatorInfo()
        if let problem = PostRules.problem(context.post, duration: input.video.duration, creator: creator) {
            throw problem
        }
        return creator
    }

    /// Runs a step that precedes the creation. A permanent error marks the post as failed, so that the list of posts
    /// shows the reason; after other errors the post stays reserved.
    private func recordingFailure<Value>(
        of record: PostRecord, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            if error.code != .cancelled, error.recovery == .permanent {
                try await commit(.failed(reason: error.message), to: record)
            }
            throw error
        }
    }

    private func post(from source: PostSource, creator: CreatorInfo?) -> NewPost {
        var post = context.post
        post.cover = post.cover ?? input.video.coverTime.map { .seconds($0) }
        return NewPost(info: creator.map { PostInfo(post, creator: $0) }, source: source)
    }

    private func announcement(of payload: UploadPayload, creator: CreatorInfo?) -> PostAnnouncement {
        let post = context.post
        let plan = payload.plan
        return PostAnnouncement(
            fileDigest: payload.digest, fileBytes: plan.size, chunkSize: plan.chunkSize, chunkCount: plan.count,
            title: post.mode == .direct ? post.title : nil,
            privacyLevel: post.mode == .direct ? post.privacyLevel.rawValue : nil, mode: post.mode,
            username: creator?.username)
    }

    // MARK: The creation

    /// A post that TikTok created.
    private struct Accepted: Sendable {
        var record: PostRecord
        /// Where the bytes go; nil if TikTok already has the bytes or fetches them.
        var uploadURL: Secret?
    }

    /// Creates the post; once more with a renewed token if TikTok rejects the first one.
    private func create(
        _ post: NewPost, announcing announcement: PostAnnouncement, as reserved: PostRecord
    ) async throws(StageError) -> Accepted {
        // Read the credentials here: the creator info call may have renewed the token.
        let credentials = try await session.credentials(for: context.post.mode)
        if let accepted = try await attempt(post, announcing: announcement, as: reserved, credentials: credentials) {
            return accepted
        }
        let renewed = try await session.renewed(after: credentials)
        let record = try await reserve()
        guard record.state == .reserved else {
            throw StageError(.internalFault, "another process claimed the post \(record.id) in the meantime")
        }
        if let accepted = try await attempt(post, announcing: announcement, as: record, credentials: renewed) {
            return accepted
        }
        throw StageError(
            tiktok: .refused(
                APIRefusal(
                    status: 401, code: "access_token_invalid", message: "the renewed token was rejected too")))
    }

    /// Sends the single request that creates the post, and records its result in the ledger. Returns nil if TikTok
    /// rejected the token.
    private func attempt(
        _ post: NewPost, announcing announcement: PostAnnouncement, as reserved: PostRecord, credentials: Credentials
    ) async throws(StageError) -> Accepted? {
        try await session.acquireCreationPermits(for: context.post.mode)
        if Task.isCancelled { throw .cancelled }
        let record = try await context.ledger.apply(.sending(announcement), to: reserved.id)
        switch await send(post, credentials: credentials) {
        case .success(let answer): return try await accepted(answer, record: record)
        case .failure(let failure):
            guard failure.isCertainRefusal else {
                throw try await unconfirmed(
                    record,
                    because: "TikTok sent no usable response to the request to create the post (\(failure.summary))")
            }
            try await commit(.failed(reason: failure.summary), to: record)
            if failure.isRefusedToken { return nil }
            let error = await session.error(for: failure, takenFor: context.post.mode)
            if error.code == .refused { await discardParts() }
            throw error
        }
    }

    /// Sends the request. If the run is cancelled, the exchange may take two more seconds, because an unread response
    /// would leave the post unconfirmed.
    private func send(_ post: NewPost, credentials: Credentials) async -> Result<AcceptedPost, APIFailure> {
        let session = session
        let request = Task { () -> Result<AcceptedPost, APIFailure> in
            do throws(APIFailure) {
                return .success(try await session.create(post, credentials: credentials))
            } catch {
                return .failure(error)
            }
        }
        return await withTaskCancellationHandler {
            await request.value
        } onCancel: {
            Task {
                try? await Task.sleep(for: .seconds(2))
                request.cancel()
            }
        }
    }

    private func accepted(_ answer: AcceptedPost, record: PostRecord) async throws(StageError) -> Accepted {
        let record = try await commit(.accepted(publishID: answer.publishID, uploadURL: answer.uploadURL), to: record)
        await discardParts()
        if let url = answer.uploadURL, !UploadURLPolicy.allows(url, apiIsLoopback: configuration.isLoopback) {
            try await commit(.failed(reason: "the upload URL is not on a TikTok host"), to: record)
            throw StageError(
                .refused, "TikTok returned an upload URL that is not on a TikTok host; nothing was sent",
                hint: "check TIKTOK_API_BASE_URL", outcome: .failed)
        }
        return Accepted(record: record, uploadURL: answer.uploadURL)
    }
}
