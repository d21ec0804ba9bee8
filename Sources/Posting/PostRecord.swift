package import Foundation
package import PipelineKit

/// How far a post has come. Each state is on disk before the next remote call begins.
package enum PostState: String, Sendable, Codable, CaseIterable {
    /// Claimed; nothing was sent.
    case reserved
    /// The request that creates the post may have left: a crash from here on is ambiguous.
    case sending
    /// The destination gave a publish id; bytes may be on their way.
    case accepted
    /// The destination has all bytes.
    case uploaded
    /// The destination confirmed the post.
    case published
    /// The destination refused it, or it is certain that nothing was posted.
    case failed
    /// The outcome is unknown. Only the destination's own word or a person may change it.
    case unconfirmed
}

/// One post in the ledger.
package struct PostRecord: Sendable, Hashable {
    /// The ledger's own id.
    package var id: String
    package var key: PostKey
    package var state: PostState
    /// The asset as the user named it.
    package var asset: String
    /// The run that touched it last.
    package var runID: String
    /// What the creating request said; nil until one was about to leave.
    package var announcement: PostAnnouncement?
    /// The destination's id of the publication; nil until it gave one.
    package var publishID: String?
    /// Where the bytes go: a bearer secret, encrypted at rest and erased when it is no longer needed.
    package var uploadURL: Secret?
    /// When the destination gave the upload URL, which TikTok honours for one hour.
    package var acceptedAt: Date?
    /// Ids of public posts; empty for private posts and drafts.
    package var postIDs: [Int64] = []
    /// Address of the post.
    package var url: String?
    /// Why it failed or is unconfirmed.
    package var reason: String?
    package var updatedAt: Date

    /// A record of a post that was only claimed so far.
    package init(
        id: String, key: PostKey, state: PostState = .reserved, asset: String, runID: String, updatedAt: Date
    ) {
        self.id = id
        self.key = key
        self.state = state
        self.asset = asset
        self.runID = runID
        self.updatedAt = updatedAt
    }

    /// How it reaches the creator.
    package var mode: PostMode { announcement?.mode ?? .direct }

    /// The record after `change`; the one place that says what each change does to a post.
    /// - Returns: Nil when ``PostTransition`` forbids the change.
    package func applying(_ change: PostChange, at moment: Date) -> PostRecord? {
        guard PostTransition.isAllowed(from: state, change) else { return nil }
        var record = self
        record.state = change.state
        record.updatedAt = moment
        switch change {
        case .sending(let announcement):
            record.announcement = announcement
        case .accepted(let publishID, let uploadURL):
            record.publishID = publishID
            record.uploadURL = uploadURL
            record.acceptedAt = moment
        case .uploaded:
            record.uploadURL = nil
        case .published(let postIDs, let url):
            record.postIDs = postIDs
            record.url = url
            record.uploadURL = nil
            record.reason = nil
        case .failed(let reason):
            record.reason = reason
            record.uploadURL = nil
        case .unconfirmed(let reason):
            record.reason = reason
        }
        return record
    }

    /// The record claimed again after it failed: a failed post posted nothing, so it starts from the beginning.
    package func reclaimed(asset: String, runID: String, at moment: Date) -> PostRecord {
        var record = self
        record.state = .reserved
        record.asset = asset
        record.runID = runID
        record.publishID = nil
        record.uploadURL = nil
        record.acceptedAt = nil
        record.reason = nil
        record.updatedAt = moment
        return record
    }
}
