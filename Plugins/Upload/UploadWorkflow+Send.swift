import PipelineKit
import Posting
import TikTok

extension UploadWorkflow {
    /// Sends the missing bytes of an accepted post, and records the outcome in the ledger.
    /// - Parameter committed: The number of bytes that TikTok has from an earlier attempt.
    func send(
        _ file: FileSource, by plan: ChunkPlan, for record: PostRecord, to url: Secret, committed: Int64 = 0
    ) async throws(StageError) -> Step {
        guard UploadURLPolicy.allows(url, apiIsLoopback: configuration.isLoopback) else {
            throw StageError(
                .configuration, "the upload of \(record.id) was started with another API than the configured one",
                hint: "set \(TikTokConfiguration.baseURLSetting) to its earlier value")
        }
        let upload = PendingUpload(
            file: file, plan: plan, url: url, acceptedAt: record.acceptedAt ?? context.clock.now(),
            committed: committed)
        let publishID = record.publishID ?? ""
        let result = try await Uploader(transport: transport, clock: context.clock, bytesPerSecond: bytesPerSecond)
            .upload(
                upload, status: { () throws(StageError) in try await report(on: publishID, mode: record.mode) },
                progress: context.progress)
        return try await settle(record, after: result)
    }

    /// Records the outcome of an upload.
    private func settle(_ record: PostRecord, after result: Uploader.Result) async throws(StageError) -> Step {
        switch result.outcome {
        case .complete:
            let uploaded = try await commit(.uploaded, to: record)
            await recordRate(of: result)
            return .uploaded(uploaded)
        case .abandoned(let reason):
            try await commit(.failed(reason: reason), to: record)
            return .startOver(reason: reason)
        case .refused(let error):
            try await commit(.failed(reason: error.message), to: record)
            await recordRate(of: result)
            throw error
        case .failedByService(let reason):
            try await commit(.failed(reason: reason), to: record)
            throw StageError(tiktokFailReason: reason)
        case .unclear(let reason): throw try await unconfirmed(record, because: reason)
        }
    }

    /// Records the measured rate for later uploads. Best effort: a failure does not affect this upload.
    private func recordRate(of result: Uploader.Result) async {
        guard let rate = result.bytesPerSecond else { return }
        try? await context.ledger.note(uploadRate: rate, to: configuration.apiBaseURL)
    }

    /// Makes a status call for the upload.
    private func report(on publishID: String, mode: PostMode) async throws(StageError) -> Uploader.Report {
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
