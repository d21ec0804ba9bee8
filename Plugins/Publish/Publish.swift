import Logging
public import PipelineKit
import Posting
import TikTok

/// Polls TikTok until the outcome of the post is final, and records it in the ledger.
public struct Publish: Stage {
    public static let name: StageName = "publish"
    public static let summary = "Waits until TikTok has published the post, and records the outcome."
    /// Status calls change nothing, so polling may resume.
    public static let effect: Effect = .resumable
    public static let resource: Resource = .network
    public static let access: StageAccess = [.network, .posts]

    public struct Options: StageOptions {
        @StageOption(
            "How long to wait for TikTok's final status. After that, a post is recorded as unconfirmed, or cancelled if TikTok is still downloading the video.",
            range: .seconds(1) ... .seconds(86_400))
        public var wait: Duration = .seconds(1800)

        public init() {}
    }

    private let options: Options

    public init(options: Options) throws(StageError) { self.options = options }

    /// Describes which status ends the wait.
    public func plan(_ input: UploadedVideo, _ context: PlanContext) async throws(StageError) -> StagePlan {
        StagePlan(
            action: "wait up to \(options.wait.spoken) for TikTok to publish",
            reasons: [
                input.mode == .direct
                    ? "done when TikTok reports \(PublishStatus.complete)"
                    : "done when the draft is in the creator's inbox"
            ])
    }

    /// Polls until the outcome is final, and records it in the ledger.
    public func run(_ input: UploadedVideo, _ context: StageContext) async throws(StageError) -> PublishedPost {
        let configuration = try TikTokConfiguration(settings: context.settings)
        guard let record = try await context.ledger.find(context.postKey) else {
            throw StageError(.internalFault, "the post \(input.postID) is not in the ledger")
        }
        switch record.state {
        case .published: return Self.published(record)
        case .uploaded, .accepted: break
        case .unconfirmed where record.publishID != nil: break
        case .reserved, .sending, .failed, .unconfirmed:
            throw StageError(
                .internalFault, "the post \(record.id) is \(record.state.rawValue), so there is nothing to wait for",
                hint: "run the same command again")
        }
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            try await confirm(
                record, input, context, configuration,
                TikTokSession(configuration, transport: transport, context: context))
        }
    }

    private func confirm(
        _ record: PostRecord, _ input: UploadedVideo, _ context: StageContext, _ configuration: TikTokConfiguration,
        _ session: TikTokSession
    ) async throws(StageError) -> PublishedPost {
        let publishID = record.publishID ?? input.publishID
        let poller = StatusPoller(configuration.pollSchedule, limit: options.wait, clock: context.clock)
        let outcome: StatusPoller.Outcome
        do throws(StageError) {
            outcome = try await poller.poll(record.mode) { () throws(StageError) in
                try await session.status(of: publishID)
            } notice: { () throws(StageError) in
                try await Self.known(record, context)
            } onStatus: { _, share in
                context.progress(StageProgress(fraction: share))
            }
        } catch {
            // The service may have published the post before it forgot the id.
            guard error.code == .refused, error.outcome == .failed else { throw error }
            throw try await Self.unconfirmed(record, error.message, context)
        }
        switch outcome {
        case .done(let status): return try await done(status, publishID, record, context, configuration)
        case .failed(let reason):
            _ = try await context.ledger.apply(.failed(reason: reason), to: record.id)
            throw StageError(tiktokFailReason: reason)
        case .undecided(PublishStatus.downloading):
            return try await giveUpPull(publishID, record, context, configuration, session)
        case .undecided(let lastStatus):
            throw try await Self.unconfirmed(
                record,
                "TikTok reported no final status within \(options.wait.spoken) (last status \(lastStatus ?? "none"))",
                context
            )
        }
    }

    private func done(
        _ status: PublishStatus, _ publishID: String, _ record: PostRecord, _ context: StageContext,
        _ configuration: TikTokConfiguration
    ) async throws(StageError) -> PublishedPost {
        let url = PostAddress.url(
            postIDs: status.postIDs, publishID: publishID, username: record.announcement?.username, configuration)
        _ = try await context.ledger.apply(.published(postIDs: status.postIDs, url: url), to: record.id)
        context.progress(StageProgress(fraction: 1))
        return PublishedPost(
            publishID: publishID, status: status.status, postIDs: status.postIDs, url: url, mode: record.mode)
    }

    /// Cancels a post that TikTok is still downloading at the time limit, so that it is certain that nothing was
    /// posted. Otherwise the post would be unconfirmed.
    private func giveUpPull(
        _ publishID: String, _ record: PostRecord, _ context: StageContext, _ configuration: TikTokConfiguration,
        _ session: TikTokSession
    ) async throws(StageError) -> PublishedPost {
        do throws(StageError) {
            try await session.cancel(publishID)
        } catch {
            if error.code == .cancelled { throw error }
            // The download may have just finished, so let the status decide.
            context.logger.warning("cancelling the download failed", metadata: ["error": "\(error.message)"])
        }
        let poller = StatusPoller(configuration.pollSchedule, limit: Self.cancelPatience, clock: context.clock)
        let outcome: StatusPoller.Outcome
        do throws(StageError) {
            outcome = try await poller.poll(record.mode) { () throws(StageError) in
                try await session.status(of: publishID)
            }
        } catch {
            guard error.code == .refused, error.outcome == .failed else { throw error }
            throw try await Self.unconfirmed(record, error.message, context)
        }
        switch outcome {
        case .done(let status): return try await done(status, publishID, record, context, configuration)
        case .failed(let reason):
            _ = try await context.ledger.apply(.failed(reason: reason), to: record.id)
            guard reason == "publish_cancelled" else { throw StageError(tiktokFailReason: reason) }
            throw StageError(
                .unavailable,
                "TikTok did not fetch the video within \(options.wait.spoken), so the post was cancelled; nothing was posted",
                hint: "run the same command again, or set \"source\" of the upload stage to file")
        case .undecided(let lastStatus):
            throw try await Self.unconfirmed(
                record,
                "TikTok reported no final status within \(options.wait.spoken), nor after a cancel (last status \(lastStatus ?? "none"))",
                context)
        }
    }

    /// How long to poll after cancelling a download.
    private static let cancelPatience = Duration.seconds(60)

    private static func unconfirmed(
        _ record: PostRecord, _ reason: String, _ context: StageContext
    ) async throws(StageError) -> StageError {
        _ = try await context.ledger.apply(.unconfirmed(reason: reason), to: record.id)
        return StageError(
            .unconfirmed, "the post \(record.id) is unconfirmed: \(reason); it is never sent again automatically",
            hint: "check the account in the TikTok app, and see `spreader-pipeline posts list`",
            recovery: .ambiguous)
    }

    private static func published(_ record: PostRecord) -> PublishedPost {
        PublishedPost(
            publishID: record.publishID ?? "",
            status: record.mode == .direct ? PublishStatus.complete : PublishStatus.inbox, postIDs: record.postIDs,
            url: record.url, mode: record.mode)
    }

    /// Returns the outcome that the ledger has for the post, if a webhook has settled it; otherwise nil.
    private static func known(
        _ record: PostRecord, _ context: StageContext
    ) async throws(StageError) -> StatusPoller.Outcome? {
        guard let now = try await context.ledger.find(context.postKey), now.id == record.id else { return nil }
        switch now.state {
        case .published:
            return .done(
                PublishStatus(
                    status: now.mode == .direct ? PublishStatus.complete : PublishStatus.inbox, postIDs: now.postIDs))
        case .failed: return .failed(reason: now.reason ?? "no reason given")
        case .reserved, .sending, .accepted, .uploaded, .unconfirmed: return nil
        }
    }
}
