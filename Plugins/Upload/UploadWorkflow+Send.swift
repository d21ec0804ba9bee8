import Foundation
import PipelineKit
import Posting
import TikTok

extension UploadWorkflow {
    /// Resumes a post that TikTok accepted in an earlier attempt.
    func resume(_ record: PostRecord) async throws(StageError) -> Step {
        guard let publishID = record.publishID else {
            throw StageError(.internalFault, "the accepted post \(record.id) has no publish id")
        }
        // Without an upload URL there is nothing to send: TikTok already has the bytes, or fetches them.
        guard record.uploadURL != nil else {
            let uploaded = try await commit(.uploaded, record)
            await forgetParts()
            return .uploaded(uploaded)
        }
        let status: PublishStatus
        do throws(StageError) {
            status = try await session.status(of: publishID)
        } catch {
            // The service may have published the post before it forgot the id.
            guard error.code == .refused, error.outcome == .failed else { throw error }
            throw try await unconfirmed(record, "TikTok no longer knows the publish id (\(error.message))")
        }
        let total = record.announcement?.fileBytes ?? input.video.file.bytes
        let hasAll = status.uploadedBytes.map { $0 >= total - 1 } ?? false
        switch status.phase(for: record.mode) {
        case .done: return .uploaded(try await commit(.uploaded, record))
        case .failed(let reason):
            try await commit(.failed(reason: reason), record)
            // A failure caused by the post or the account would repeat; an incomplete upload is worth another attempt.
            let error = StageError(tiktokFailReason: reason)
            let isKnown = TikTokErrorTable.failReasons[reason] != nil
            if hasAll || (isKnown && error.outcome != .unavailable) { throw error }
            return .startOver(reason: reason)
        case .underWay: break
        }
        if hasAll { return .uploaded(try await commit(.uploaded, record)) }

        let acceptedAt = record.acceptedAt ?? record.updatedAt
        let expired = context.clock.now().timeIntervalSince(acceptedAt) >= Uploader.addressLife
        let digest = try await fileDigest()
        let plan = record.announcement.flatMap { ChunkPlan(size: total, chunkSize: $0.chunkSize, count: $0.chunkCount) }
        guard !expired, digest == record.announcement?.fileDigest, let plan, let url = record.uploadURL else {
            guard let arrived = status.uploadedBytes else {
                throw try await unconfirmed(
                    record, "the upload was interrupted, and TikTok does not say how many bytes arrived")
            }
            guard expired else {
                // The old URL still accepts bytes, and an interrupted request may still arrive there: creating another
                // post could publish both.
                let left = Uploader.addressLife - context.clock.now().timeIntervalSince(acceptedAt)
                throw StageError(
                    .busy,
                    "an upload of this post with a different prepared file stays open at TikTok for \(Duration.seconds(left).spoken)",
                    hint:
                        "run the earlier command again to finish that upload, or wait and then run this command again",
                    recovery: .permanent, outcome: .tryLater)
            }
            let reason =
                "its upload URL has expired; \(ByteCount(arrived)) of \(ByteCount(total)) arrived, so nothing was posted"
            try await commit(.failed(reason: reason), record)
            return .startOver(reason: reason)
        }
        return try await send(try openFile(), plan, record, to: url, committed: status.uploadedBytes ?? 0)
    }

    /// Resolves an unconfirmed post with a status call, which is as reliable as a person's check. Sends no bytes.
    func lookUp(_ record: PostRecord) async throws(StageError) -> Step {
        guard let publishID = record.publishID else { throw Self.unconfirmedError(record) }
        let status: PublishStatus
        do throws(StageError) {
            status = try await session.status(of: publishID)
        } catch {
            guard error.code == .refused, error.outcome == .failed else { throw error }
            throw Self.unconfirmedError(record)
        }
        switch status.phase(for: record.mode) {
        // The publish stage polls again and records the outcome.
        case .done: return .uploaded(record)
        case .failed(let reason):
            try await commit(.failed(reason: reason), record)
            throw StageError(tiktokFailReason: reason)
        case .underWay: throw Self.unconfirmedError(record)
        }
    }

    /// Sends the missing bytes of an accepted post, and records the outcome in the ledger.
    func send(
        _ file: FileSource, _ plan: ChunkPlan, _ record: PostRecord, to url: Secret, committed: Int64
    ) async throws(StageError) -> Step {
        guard UploadURLPolicy.allows(url, apiIsLoopback: configuration.isLoopback) else {
            throw StageError(
                .configuration, "the upload of \(record.id) was started with another API than the configured one",
                hint: "set \(TikTokConfiguration.baseURLSetting) to its earlier value")
        }
        let uploader = Uploader(
            configuration, transport: transport, clock: context.clock, bytesPerSecond: bytesPerSecond)
        let publishID = record.publishID ?? ""
        let result = try await uploader.upload(
            file, by: plan, to: url, committed: committed, acceptedAt: record.acceptedAt ?? context.clock.now(),
            status: { () throws(StageError) in try await report(publishID, record.mode) }, progress: context.progress)
        switch result.outcome {
        case .complete:
            let uploaded = try await commit(.uploaded, record)
            await note(result)
            return .uploaded(uploaded)
        case .abandoned(let reason):
            try await commit(.failed(reason: reason), record)
            return .startOver(reason: reason)
        case .refused(let error):
            try await commit(.failed(reason: error.message), record)
            await note(result)
            throw error
        case .failedByService(let reason):
            try await commit(.failed(reason: reason), record)
            throw StageError(tiktokFailReason: reason)
        case .unclear(let reason): throw try await unconfirmed(record, reason)
        }
    }

    /// Records the measured rate for later uploads. Best effort: a failure does not affect this upload.
    private func note(_ result: Uploader.Result) async {
        guard let rate = result.bytesPerSecond else { return }
        try? await context.ledger.note(uploadRate: rate, to: configuration.apiBaseURL)
    }

    /// Makes a status call for the upload.
    private func report(_ publishID: String, _ mode: PostMode) async throws(StageError) -> Uploader.Report {
        do throws(StageError) {
            let status = try await session.status(of: publishID)
            switch status.phase(for: mode) {
            case .underWay: return .underWay(uploadedBytes: status.uploadedBytes)
            case .done: return .finished
            case .failed(let reason): return .failed(reason: reason)
            }
        } catch {
            // The upload URL has its own token, so a failed status call, such as after a revocation, does not stop the
            // upload.
            if error.code == .cancelled { throw error }
            return .unknown
        }
    }
}
