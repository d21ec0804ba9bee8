import Foundation
import PipelineKit
import Posting
import TikTok

extension PostRun {
    /// Creates a post that was claimed, and brings its bytes to the service, before or after as the dialect has it.
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
        // Refuses a login without the permission before anything is asked of TikTok.
        _ = try await session.credentials(for: context.post.mode)
        let creator = try await judged(record) { () throws(StageError) in try await creatorInfo() }
        let source = try await judged(record) { () throws(StageError) in
            try await self.source(route, file, plan, digest)
        }
        let post = newPost(creator, source)
        // Read again: asking for the creator's limits may have renewed the token.
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
                // The bytes are there already, or TikTok fetches them: there is nothing more to send.
                return .uploaded(try await commit(.uploaded, accepted))
            case .refusedToken:
                guard !hasRenewed else {
                    throw StageError(
                        tiktok: .refused(
                            APIRefusal(status: 401, code: "access_token_invalid", message: "also when new")))
                }
                hasRenewed = true
                credentials = try await session.renewed(after: credentials)
                record = try await context.ledger.reserve(
                    context.postKey, asset: context.asset, runID: context.runID)
                guard record.state == .reserved else {
                    throw StageError(.internalFault, "the post \(record.id) was taken up elsewhere meanwhile")
                }
            }
        }
    }

    /// How the creating request ended, when it did not end the stage.
    private enum Announcement: Sendable {
        case accepted(PostRecord, Secret?)
        case refusedToken
    }

    /// Sends the one creating request and writes down what came of it.
    ///
    /// The exchange is finished even when the run is stopped meanwhile, unless that takes more than a moment: an
    /// answer that nobody read would leave the post unconfirmed.
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
                try await commit(.failed(reason: "the upload address is on a host that is not TikTok's"), record)
                throw StageError(
                    .refused, "TikTok gave an upload address on a host that is not TikTok's; nothing was sent",
                    hint: "check TIKTOK_API_BASE_URL", outcome: .failed)
            }
            return .accepted(record, accepted.uploadURL)
        case .failure(let failure):
            guard failure.isCertainRefusal else {
                throw try await unconfirmed(
                    record, "TikTok was asked to create the post and gave no usable answer (\(failure.summary))")
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

    /// What the creator's account allows; nil for drafts, which carry no settings and need no such permission.
    private func creatorInfo() async throws(StageError) -> CreatorInfo? {
        guard context.post.mode == .direct else { return nil }
        let creator = try await session.creatorInfo()
        if let problem = PostRules.problem(context.post, duration: input.video.duration, creator: creator) {
            throw problem
        }
        return creator
    }

    /// Does what has to be right before a post is created.
    private func judged<Value>(
        _ record: PostRecord, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        do throws(StageError) {
            return try await body()
        } catch {
            // What would fail again is shown with its reason in the list of posts; the rest stays claimed.
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

    /// Refuses to begin what the line can't end, as far as earlier uploads have measured it.
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
            "with this \"bandwidth\" the upload would take \(Duration.seconds(seconds).spoken), and TikTok gives it an hour",
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
    /// The plan that the chunk stage made.
    init(announced input: ChunkedVideo) throws(StageError) {
        guard
            let plan = ChunkPlan(
                size: input.video.file.bytes, chunkSize: input.chunkSize, count: input.chunkCount)
        else {
            throw StageError(
                .internalFault,
                "a plan of \(input.chunkCount) chunks of \(input.chunkSize) bytes does not fit a file of \(input.video.file.bytes) bytes"
            )
        }
        self = plan
    }
}
