import Foundation
import PipelineKit
import Posting
import TikTok

extension PostRun {
    /// Goes on with a post that TikTok accepted in an earlier attempt.
    func resume(_ record: PostRecord) async throws(StageError) -> Step {
        guard let publishID = record.publishID else {
            throw StageError(.internalFault, "the accepted post \(record.id) has no publish id")
        }
        // Nothing was ever to be sent after this post was accepted: its bytes were there, or are fetched.
        guard record.uploadURL != nil else {
            let uploaded = try await commit(.uploaded, record)
            await forgetParts()
            return .uploaded(uploaded)
        }
        let status: PublishStatus
        do throws(StageError) {
            status = try await session.status(of: publishID)
        } catch {
            // An id that the service forgot may belong to a post that it published before.
            guard error.code == .refused, error.outcome == .failed else { throw error }
            throw try await unconfirmed(record, "TikTok no longer knows the publish id (\(error.message))")
        }
        let total = record.announcement?.fileBytes ?? input.video.file.bytes
        let hasAll = status.uploadedBytes.map { $0 >= total - 1 } ?? false
        switch status.phase(for: record.mode) {
        case .done: return .uploaded(try await commit(.uploaded, record))
        case .failed(let reason):
            try await commit(.failed(reason: reason), record)
            // What failed for what the post or the account is fails again; an upload that was never completed does not.
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
                // The old address still takes bytes, and an interrupted request may still be on its way there: a
                // second creation could end in a second post.
                let left = Uploader.addressLife - context.clock.now().timeIntervalSince(acceptedAt)
                throw StageError(
                    .busy,
                    "an upload of this post with another prepared file is still open at TikTok for \(Duration.seconds(left).spoken)",
                    hint: "run the earlier command again to finish it, or this one after that time",
                    recovery: .permanent, outcome: .tryLater)
            }
            let reason =
                "its upload address has expired; \(ByteCount(arrived)) of \(ByteCount(total)) arrived, which posts nothing"
            try await commit(.failed(reason: reason), record)
            return .startOver(reason: reason)
        }
        return try await send(try openFile(), plan, record, to: url, committed: status.uploadedBytes ?? 0)
    }

    /// Asks what became of an unconfirmed post: the service's word is as good as a person's. Sends nothing.
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
        // Publish asks again and records it.
        case .done: return .uploaded(record)
        case .failed(let reason):
            try await commit(.failed(reason: reason), record)
            throw StageError(tiktokFailReason: reason)
        case .underWay: throw Self.unconfirmedError(record)
        }
    }

    /// Sends what is missing of an accepted post and writes down how that ended.
    func send(
        _ file: FileSource, _ plan: ChunkPlan, _ record: PostRecord, to url: Secret, committed: Int64
    ) async throws(StageError) -> Step {
        guard UploadURLPolicy.allows(url, apiIsLoopback: configuration.isLoopback) else {
            throw StageError(
                .configuration, "the upload of \(record.id) was begun at another API than the one that is set now",
                hint: "set \(TikTokConfiguration.baseURLSetting) as it was then")
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

    /// Keeps how fast the line was, for later uploads: that it can't be kept changes nothing of this one.
    private func note(_ result: Uploader.Result) async {
        guard let rate = result.bytesPerSecond else { return }
        try? await context.ledger.note(uploadRate: rate, to: configuration.apiBaseURL)
    }

    /// What the status call says, for the upload's decisions.
    private func report(_ publishID: String, _ mode: PostMode) async throws(StageError) -> Uploader.Report {
        do throws(StageError) {
            let status = try await session.status(of: publishID)
            switch status.phase(for: mode) {
            case .underWay: return .underWay(uploadedBytes: status.uploadedBytes)
            case .done: return .finished
            case .failed(let reason): return .failed(reason: reason)
            }
        } catch {
            // A token that was revoked in the middle does not concern the upload host: it has its own.
            if error.code == .cancelled { throw error }
            return .unknown
        }
    }
}
