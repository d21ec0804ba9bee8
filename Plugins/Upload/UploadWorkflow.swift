import Foundation
import Logging
import PipelineKit
import Posting
import TikTok

/// Continues one post from its state in the ledger until TikTok has all bytes.
///
/// The ledger records the result of every remote call before the next one starts, so that after a crash at any point it
/// is known which steps are safe.
struct UploadWorkflow: Sendable {
    let input: ChunkedVideo
    let context: StageContext
    let configuration: TikTokConfiguration
    let transport: any Transport
    let session: TikTokSession
    let bytesPerSecond: Double?
    let origin: Upload.Origin

    init(
        input: ChunkedVideo, context: StageContext, configuration: TikTokConfiguration, transport: any Transport,
        bytesPerSecond: Double?, origin: Upload.Origin
    ) {
        self.input = input
        self.context = context
        self.configuration = configuration
        self.transport = transport
        self.bytesPerSecond = bytesPerSecond
        self.origin = origin
        session = TikTokSession(configuration, transport: transport, context: context)
    }

    /// How often one run creates a new post after an upload that can't be completed.
    private static let freshStarts = 2

    /// The result of a step that did not throw.
    enum Step: Sendable {
        /// TikTok has all bytes.
        case uploaded(PostRecord)
        /// Nothing was posted and this upload can no longer publish: it is safe to create a new post.
        case startOver(reason: String)
    }

    func run() async throws(StageError) -> UploadedVideo {
        var starts = 0
        while true {
            let record = try await reserve()
            switch try await step(from: record) {
            case .uploaded(let record): return uploaded(record)
            case .startOver(let reason):
                starts += 1
                context.logger.warning(
                    "restarting the upload", metadata: ["post": "\(record.id)", "reason": "\(reason)"])
                guard starts <= Self.freshStarts else {
                    throw StageError(
                        .unavailable, "the upload had to be restarted \(starts) times; nothing was posted",
                        hint: "run the same command again later")
                }
            }
        }
    }

    /// Takes the post one step further from its state in the ledger.
    private func step(from record: PostRecord) async throws(StageError) -> Step {
        switch record.state {
        case .reserved: return try await create(record)
        case .sending:
            // The ledger gave this run the post, so an earlier run died between the request and its response.
            throw try await unconfirmed(record, because: "the program stopped during the request to create the post")
        case .accepted: return try await resume(record)
        case .uploaded, .published: return .uploaded(record)
        case .unconfirmed: return try await lookUp(record)
        case .failed:
            throw StageError(.internalFault, "the ledger did not claim the failed post \(record.id) again")
        }
    }

    private func uploaded(_ record: PostRecord) -> UploadedVideo {
        let announcement = record.announcement
        return UploadedVideo(
            publishID: record.publishID ?? "", postID: record.id, mode: record.mode,
            username: announcement?.username, title: announcement?.title, privacyLevel: announcement?.privacyLevel,
            bytes: announcement?.fileBytes ?? input.video.file.bytes)
    }

    // MARK: The ledger

    /// Claims the post for this run.
    func reserve() async throws(StageError) -> PostRecord {
        try await context.ledger.reserve(context.postKey, asset: context.asset, runID: context.runID)
    }

    /// Records a change in the ledger, even if the task is cancelled: what the service did must be on disk.
    ///
    /// If a webhook has settled the post in the meantime, its outcome takes precedence.
    /// - Throws: `StageError` if the ledger can't be written, or a webhook reported that the post failed.
    @discardableResult
    func commit(_ change: PostChange, to record: PostRecord) async throws(StageError) -> PostRecord {
        let ledger = context.ledger
        do throws(StageError) {
            return try await withCancellationShield { () throws(StageError) in
                try await ledger.apply(change, to: record.id)
            }
        } catch {
            guard let now = try await ledger.find(context.postKey), now.id == record.id else { throw error }
            switch now.state {
            case .published: return now
            case .failed where change.state != .failed: throw StageError(tiktokFailReason: now.reason ?? "unnamed")
            default: throw error
            }
        }
    }

    /// Marks the post as unconfirmed.
    /// - Returns: The error to throw.
    func unconfirmed(_ record: PostRecord, because reason: String) async throws(StageError) -> StageError {
        .unconfirmed(try await commit(.unconfirmed(reason: reason), to: record))
    }
}
