import Foundation
import PipelineKit
import Posting
import TikTok

extension UploadWorkflow {
    /// Creates a reserved post and uploads its bytes: before the creation with the multipart dialect, after it with v2.
    func create(_ reserved: PostRecord) async throws(StageError) -> Step {
        let route = try route()
        if case .chunks = route {
            try checkBandwidth()
            try await checkRate()
        }
        let file = try openFile()
        let plan = try ChunkPlan(announced: input)
        let digest = try await fileDigest()
        var record = reserved
        // Reject a login without the permission before any request to TikTok.
        _ = try await session.credentials(for: context.post.mode)
        let creator = try await judged(record) { () throws(StageError) in try await creatorInfo() }
        let source = try await judged(record) { () throws(StageError) in
            try await self.source(route, file, plan, digest)
        }
        let post = newPost(creator, source)
        // Read the credentials again: the creator info call may have renewed the token.
        var credentials = try await session.credentials(for: context.post.mode)
        var hasRenewed = false
        while true {
            try await session.acquireCreationPermits(for: context.post.mode)
            if Task.isCancelled { throw .cancelled }
            record = try await context.ledger.apply(.sending(announcement(plan, digest, creator)), to: record.id)
            switch try await announce(record, post, credentials) {
            case .accepted(let accepted, let url?):
                return try await send(file, plan, accepted, to: url, committed: 0)
            case .accepted(let accepted, nil):
                // TikTok already has the bytes or fetches them, so there is nothing to send.
                return .uploaded(try await commit(.uploaded, accepted))
            case .refusedToken:
                guard !hasRenewed else {
                    throw StageError(
                        tiktok: .refused(
                            APIRefusal(
                                status: 401, code: "access_token_invalid", message: "the renewed token was rejected too"
                            )))
                }
                hasRenewed = true
                credentials = try await session.renewed(after: credentials)
                record = try await context.ledger.reserve(
                    context.postKey, asset: context.asset, runID: context.runID)
                guard record.state == .reserved else {
                    throw StageError(.internalFault, "another process claimed the post \(record.id) in the meantime")
                }
            }
        }
    }

    /// The result of the request that creates the post, unless it is an error.
    private enum Announcement: Sendable {
        case accepted(PostRecord, Secret?)
        case refusedToken
    }

    /// Sends the single request that creates the post, and records the result in the ledger.
    ///
    /// If the run is cancelled, the exchange may take two more seconds, because an unread response would leave the post
    /// unconfirmed.
    private func announce(
        _ record: PostRecord, _ post: NewPost, _ credentials: Credentials
    ) async throws(StageError) -> Announcement {
        let session = session
        let request = Task { () -> Result<AcceptedPost, APIFailure> in
            do throws(APIFailure) {
                return .success(try await session.create(post, credentials))
            } catch {
                return .failure(error)
            }
        }
        let answer = await withTaskCancellationHandler {
            await request.value
        } onCancel: {
            Task {
                try? await Task.sleep(for: .seconds(2))
                request.cancel()
            }
        }
        switch answer {
        case .success(let accepted):
            let record = try await commit(
                .accepted(publishID: accepted.publishID, uploadURL: accepted.uploadURL), record)
            await forgetParts()
            if let url = accepted.uploadURL, !UploadURLPolicy.allows(url, apiIsLoopback: configuration.isLoopback) {
                try await commit(.failed(reason: "the upload URL is not on a TikTok host"), record)
                throw StageError(
                    .refused, "TikTok returned an upload URL that is not on a TikTok host; nothing was sent",
                    hint: "check TIKTOK_API_BASE_URL", outcome: .failed)
            }
            return .accepted(record, accepted.uploadURL)
        case .failure(let failure):
            guard failure.isCertainRefusal else {
                throw try await unconfirmed(
                    record, "TikTok sent no usable response to the request to create the post (\(failure.summary))")
            }
            try await commit(.failed(reason: failure.summary), record)
            if failure.isRefusedToken { return .refusedToken }
            let error = await session.error(for: failure, takenFor: context.post.mode)
            if error.code == .refused { await forgetParts() }
            throw error
        }
    }

    private func newPost(_ creator: CreatorInfo?, _ source: PostSource) -> NewPost {
        var post = context.post
        post.cover = post.cover ?? input.video.coverTime.map { .seconds($0) }
        return NewPost(info: creator.map { PostInfo(post, creator: $0) }, source: source)
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

    /// Runs a step that precedes the creation. A permanent error marks the post as failed.
    private func judged<Value>(
        _ record: PostRecord, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            // Record permanent errors, so that the list of posts shows the reason. After other errors the post stays
            // reserved.
            if error.code != .cancelled, error.recovery == .permanent {
                try await commit(.failed(reason: error.message), record)
            }
            throw error
        }
    }

    private func announcement(_ plan: ChunkPlan, _ digest: String, _ creator: CreatorInfo?) -> PostAnnouncement {
        let post = context.post
        return PostAnnouncement(
            fileDigest: digest, fileBytes: plan.size, chunkSize: plan.chunkSize, chunkCount: plan.count,
            title: post.mode == .direct ? post.title : nil,
            privacyLevel: post.mode == .direct ? post.privacyLevel.rawValue : nil, mode: post.mode,
            username: creator?.username)
    }

    /// Throws if the upload can't finish in time at the rate of recent uploads.
    private func checkRate() async throws(StageError) {
        let since = context.clock.now().addingTimeInterval(-Uploader.rateMemory)
        guard let rate = try await context.ledger.uploadRate(to: configuration.apiBaseURL, since: since),
            let hopeless = Uploader.hopeless(bytes: input.video.file.bytes, atMeasured: rate)
        else { return }
        throw hopeless
    }

    private func checkBandwidth() throws(StageError) {
        guard let bytesPerSecond else { return }
        let seconds = Double(input.video.file.bytes) / bytesPerSecond
        guard seconds > Uploader.addressLife * 0.95 else { return }
        throw StageError(
            .invalidOption,
            "with this \"bandwidth\" the upload would take \(Duration.seconds(seconds).spoken), but TikTok allows an hour",
            hint: "raise \"bandwidth\" of the upload stage")
    }

    func openFile() throws(StageError) -> FileSource {
        do throws(FileSource.Problem) {
            return try FileSource(path: input.video.file.path)
        } catch {
            throw StageError(.fileSystem, error.message, hint: "run the same command again with --no-cache")
        }
    }

    func fileDigest() async throws(StageError) -> String {
        if let digest = input.video.file.sha256 { return digest }
        let file = try openFile()
        do throws(FileSource.Problem) {
            return try await file.sha256()
        } catch {
            throw StageError(.fileSystem, error.message)
        }
    }
}

extension ChunkPlan {
    /// Restores the plan of the chunk stage.
    init(announced input: ChunkedVideo) throws(StageError) {
        guard
            let plan = ChunkPlan(
                size: input.video.file.bytes, chunkSize: input.chunkSize, count: input.chunkCount)
        else {
            throw StageError(
                .internalFault,
                "a plan of \(input.chunkCount) chunks of \(input.chunkSize) bytes does not match a file of \(input.video.file.bytes) bytes"
            )
        }
        self = plan
    }
}
