import Logging
import PipelineKit
import Posting
import TikTok

/// Waits for the outcome of one post, and records it in the ledger.
struct PublishWorkflow: Sendable {
    private let record: PostRecord
    private let publishID: String
    /// How long to wait for the final status.
    private let limit: Duration
    private let context: StageContext
    private let configuration: TikTokConfiguration
    private let session: TikTokSession

    /// Creates a workflow for a post in the ledger.
    /// - Parameter limit: How long to wait for the final status.
    init(
        _ record: PostRecord, publishID: String, limit: Duration, context: StageContext,
        configuration: TikTokConfiguration, transport: any Transport
    ) {
        self.record = record
        self.publishID = publishID
        self.limit = limit
        self.context = context
        self.configuration = configuration
        session = TikTokSession(configuration, transport: transport, context: context)
    }

    /// How long to poll after cancelling a download.
    private static let cancellationLimit = Duration.seconds(60)

    /// Polls until the outcome is final.
    func run() async throws(StageError) -> PublishedPost {
        let outcome = try await poll(for: limit) { () throws(StageError) in
            try await outcomeInLedger()
        } onStatus: { _, share in
            context.progress(StageProgress(fraction: share))
        }
        switch outcome {
        case .done(let status): return try await published(status)
        case .failed(let reason): throw try await failed(because: reason)
        case .undecided(PublishStatus.downloading): return try await cancelDownload()
        case .undecided(let lastStatus):
            throw try await unconfirmed(
                because:
                    "TikTok reported no final status within \(limit.spoken) (last status \(lastStatus ?? "none"))")
        }
    }

    /// Cancels a post that TikTok is still downloading at the time limit, so that it is certain that nothing was
    /// posted. Otherwise the post would be unconfirmed.
    private func cancelDownload() async throws(StageError) -> PublishedPost {
        do throws(StageError) {
            try await session.cancel(publishID)
        } catch {
            if error.code == .cancelled { throw error }
            // The download may have just finished, so let the status decide.
            context.logger.warning("cancelling the download failed", metadata: ["error": "\(error.message)"])
        }
        switch try await poll(for: Self.cancellationLimit) {
        case .done(let status): return try await published(status)
        case .failed("publish_cancelled"):
            _ = try await failed(because: "publish_cancelled")
            throw StageError(
                .unavailable,
                "TikTok did not fetch the video within \(limit.spoken), so the post was cancelled; nothing was posted",
                hint: "run the same command again, or set \"source\" of the upload stage to file")
        case .failed(let reason): throw try await failed(because: reason)
        case .undecided(let lastStatus):
            throw try await unconfirmed(
                because:
                    "TikTok reported no final status within \(limit.spoken), nor after a cancel (last status \(lastStatus ?? "none"))"
            )
        }
    }

    /// Polls the status of the post. The post becomes unconfirmed if TikTok no longer knows it.
    private func poll(
        for limit: Duration, notice: (() async throws(StageError) -> StatusPoller.Outcome?)? = nil,
        onStatus: (PublishStatus, Double) -> Void = { _, _ in }
    ) async throws(StageError) -> StatusPoller.Outcome {
        let poller = StatusPoller(configuration.pollSchedule, limit: limit, clock: context.clock)
        do throws(StageError) {
            return try await poller.poll(
                record.mode, fetch: { () throws(StageError) in try await session.status(of: publishID) },
                notice: notice, onStatus: onStatus)
        } catch {
            guard error.isUnknownPublishID else { throw error }
            throw try await unconfirmed(because: error.message)
        }
    }

    /// Returns the outcome that the ledger has for the post, if a webhook has settled it; otherwise nil.
    private func outcomeInLedger() async throws(StageError) -> StatusPoller.Outcome? {
        guard let now = try await context.ledger.find(context.postKey), now.id == record.id else { return nil }
        switch now.state {
        case .published: return .done(PublishStatus(status: PublishStatus.final(for: now.mode), postIDs: now.postIDs))
        case .failed: return .failed(reason: now.reason ?? "no reason given")
        case .reserved, .sending, .accepted, .uploaded, .unconfirmed: return nil
        }
    }

    // MARK: The outcomes

    private func published(_ status: PublishStatus) async throws(StageError) -> PublishedPost {
        let url = PostAddress.url(
            postIDs: status.postIDs, publishID: publishID, username: record.announcement?.username,
            configuration: configuration)
        try await context.ledger.apply(.published(postIDs: status.postIDs, url: url), to: record.id)
        context.progress(StageProgress(fraction: 1))
        return PublishedPost(
            publishID: publishID, status: status.status, postIDs: status.postIDs, url: url, mode: record.mode)
    }

    /// Records that TikTok rejected the post.
    /// - Returns: The error to throw.
    private func failed(because reason: String) async throws(StageError) -> StageError {
        try await context.ledger.apply(.failed(reason: reason), to: record.id)
        return StageError(tiktokFailReason: reason)
    }

    /// Marks the post as unconfirmed.
    /// - Returns: The error to throw.
    private func unconfirmed(because reason: String) async throws(StageError) -> StageError {
        .unconfirmed(try await context.ledger.apply(.unconfirmed(reason: reason), to: record.id))
    }
}

extension PublishStatus {
    /// The name of the status that ends a successful post of `mode`.
    static func final(for mode: PostMode) -> String { mode == .direct ? complete : inbox }
}
