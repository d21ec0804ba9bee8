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
            try await PublishWorkflow(
                record, publishID: record.publishID ?? input.publishID, limit: options.wait, context: context,
                configuration: configuration, transport: transport
            ).run()
        }
    }

    private static func published(_ record: PostRecord) -> PublishedPost {
        PublishedPost(
            publishID: record.publishID ?? "", status: PublishStatus.final(for: record.mode), postIDs: record.postIDs,
            url: record.url, mode: record.mode)
    }
}
