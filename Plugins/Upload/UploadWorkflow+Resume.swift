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
        guard let url = record.uploadURL else {
            // There is nothing to send: TikTok already has the bytes, or fetches them.
            let uploaded = try await commit(.uploaded, to: record)
            await discardParts()
            return .uploaded(uploaded)
        }
        let status: PublishStatus
        do throws(StageError) {
            status = try await session.status(of: publishID)
        } catch {
            guard error.isUnknownPublishID else { throw error }
            throw try await unconfirmed(
                record, because: "TikTok no longer knows the publish id (\(error.message))")
        }
        let size = record.announcement?.fileBytes ?? input.video.file.bytes
        let hasAllBytes = status.uploadedBytes.map { $0 >= size - 1 } ?? false
        switch status.phase(for: record.mode) {
        case .done: return .uploaded(try await commit(.uploaded, to: record))
        case .failed(let reason): return try await startOver(record, reason: reason, hasAllBytes: hasAllBytes)
        case .underWay where hasAllBytes: return .uploaded(try await commit(.uploaded, to: record))
        case .underWay: return try await sendRest(of: record, size: size, arrived: status.uploadedBytes, to: url)
        }
    }

    /// Starts over after TikTok rejected an incomplete upload.
    /// - Throws: The error for `reason` if the post or the account caused it, because it would repeat.
    private func startOver(
        _ record: PostRecord, reason: String, hasAllBytes: Bool
    ) async throws(StageError) -> Step {
        try await commit(.failed(reason: reason), to: record)
        let error = StageError(tiktokFailReason: reason)
        let isKnown = TikTokErrorTable.failReasons[reason] != nil
        if hasAllBytes || (isKnown && error.outcome != .unavailable) { throw error }
        return .startOver(reason: reason)
    }

    /// Sends the missing bytes if the upload URL is still valid and the file is still the same. Otherwise starts over
    /// once it is certain that nothing can be posted any more.
    /// - Parameter arrived: The number of bytes that have arrived; nil if TikTok does not say.
    private func sendRest(
        of record: PostRecord, size: Int64, arrived: Int64?, to url: Secret
    ) async throws(StageError) -> Step {
        let acceptedAt = record.acceptedAt ?? record.updatedAt
        let age = context.clock.now().timeIntervalSince(acceptedAt)
        let isExpired = age >= PendingUpload.urlLifetime
        let digest = try await UploadPayload.digest(of: input.video)
        let plan = record.announcement.flatMap { ChunkPlan(size: size, chunkSize: $0.chunkSize, count: $0.chunkCount) }
        if !isExpired, digest == record.announcement?.fileDigest, let plan {
            return try await send(
                try UploadPayload.open(input.video), by: plan, for: record, to: url, committed: arrived ?? 0)
        }
        guard let arrived else {
            throw try await unconfirmed(
                record, because: "the upload was interrupted, and TikTok does not say how many bytes arrived")
        }
        guard isExpired else {
            // The old URL still accepts bytes, and an interrupted request may still arrive there: creating another
            // post could publish both.
            let left = PendingUpload.urlLifetime - context.clock.now().timeIntervalSince(acceptedAt)
            throw StageError(
                .busy,
                "an upload of this post with a different prepared file stays open at TikTok for \(Duration.seconds(left).spoken)",
                hint: "run the earlier command again to finish that upload, or wait and then run this command again",
                recovery: .permanent, outcome: .tryLater)
        }
        let reason =
            "its upload URL has expired; \(ByteCount(arrived)) of \(ByteCount(size)) arrived, so nothing was posted"
        try await commit(.failed(reason: reason), to: record)
        return .startOver(reason: reason)
    }

    /// Resolves an unconfirmed post with a status call, which is as reliable as a person's check. Sends no bytes.
    func lookUp(_ record: PostRecord) async throws(StageError) -> Step {
        guard let publishID = record.publishID else { throw .unconfirmed(record) }
        let status: PublishStatus
        do throws(StageError) {
            status = try await session.status(of: publishID)
        } catch {
            throw error.isUnknownPublishID ? .unconfirmed(record) : error
        }
        switch status.phase(for: record.mode) {
        // The publish stage polls again and records the outcome.
        case .done: return .uploaded(record)
        case .failed(let reason):
            try await commit(.failed(reason: reason), to: record)
            throw StageError(tiktokFailReason: reason)
        case .underWay: throw .unconfirmed(record)
        }
    }
}
