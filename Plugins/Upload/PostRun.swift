import Foundation
import Logging
import PipelineKit
import Posting
import TikTok

/// Takes one post from where the ledger says that it stands to the point where TikTok has all bytes.
///
/// Every step that a remote call took is in the ledger before the next remote call begins, so that after a crash at
/// any point the ledger knows what may be done.
struct PostRun: Sendable {
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

    /// How often a post whose upload can't be completed is created anew in one run.
    private static let freshStarts = 2

    /// How a step ended.
    enum Step: Sendable {
        /// TikTok has all bytes.
        case uploaded(PostRecord)
        /// Nothing was posted and nothing can come of it: the post may be created anew.
        case startOver(reason: String)
    }

    func run() async throws(StageError) -> UploadedVideo {
        var starts = 0
        while true {
            let record = try await context.ledger.reserve(context.postKey, asset: context.asset, runID: context.runID)
            let step: Step
            switch record.state {
            case .published, .uploaded: step = .uploaded(record)
            case .sending:
                // Nobody else works on this post: an earlier run died between the request and its answer.
                throw try await unconfirmed(
                    record, "the program ended while TikTok was being asked to create the post")
            case .unconfirmed: step = try await lookUp(record)
            case .accepted: step = try await resume(record)
            case .reserved: step = try await create(record)
            case .failed:
                throw StageError(.internalFault, "the ledger did not claim the failed post \(record.id) again")
            }
            switch step {
            case .uploaded(let record): return uploaded(record)
            case .startOver(let reason):
                starts += 1
                context.logger.warning(
                    "the upload begins anew", metadata: ["post": "\(record.id)", "reason": "\(reason)"])
                guard starts <= Self.freshStarts else {
                    throw StageError(
                        .unavailable, "the upload had to be begun anew \(starts) times; nothing was posted",
                        hint: "run the same command again later")
                }
            }
        }
    }

    private func uploaded(_ record: PostRecord) -> UploadedVideo {
        UploadedVideo(
            publishID: record.publishID ?? "", postID: record.id, mode: record.mode,
            username: record.announcement?.username,
            title: record.announcement?.title, privacyLevel: record.announcement?.privacyLevel,
            bytes: record.announcement?.fileBytes ?? input.video.file.bytes)
    }

    // MARK: The ledger

    /// Writes what the service did. Not given up on cancellation: what happened must be on disk.
    ///
    /// A webhook may have settled the post meanwhile; then that stands.
    /// - Throws: `StageError` when the ledger can't be written, or a webhook said that the service gave the post up.
    @discardableResult
    func commit(_ change: PostChange, _ record: PostRecord) async throws(StageError) -> PostRecord {
        let ledger = context.ledger
        do throws(StageError) {
            return try await Uncancelled.run { () throws(StageError) in try await ledger.apply(change, to: record.id) }
        } catch {
            guard let now = try await ledger.find(context.postKey), now.id == record.id else { throw error }
            switch now.state {
            case .published: return now
            case .failed where change.state != .failed: throw StageError(tiktokFailReason: now.reason ?? "unnamed")
            default: throw error
            }
        }
    }

    /// Marks the post as one that only a person can decide about.
    /// - Returns: The error to throw.
    func unconfirmed(_ record: PostRecord, _ reason: String) async throws(StageError) -> StageError {
        Self.unconfirmedError(try await commit(.unconfirmed(reason: reason), record))
    }

    static func unconfirmedError(_ record: PostRecord) -> StageError {
        StageError(
            .unconfirmed,
            "the post \(record.id) is unconfirmed: \(record.reason ?? "its outcome is not known"); it is never sent again by machine",
            hint: "look at the account in the TikTok app, and see `spreader-pipeline posts list`",
            recovery: .ambiguous)
    }
}
