package import PipelineKit

/// One step of a post.
package enum PostChange: Sendable, Hashable {
    /// The creating request is about to leave, with this announcement.
    case sending(PostAnnouncement)
    /// The destination accepted: its publish id and, for uploads, the URL that takes the bytes.
    case accepted(publishID: String, uploadURL: Secret?)
    /// The destination has all bytes.
    case uploaded
    /// The destination confirmed the post.
    case published(postIDs: [Int64], url: String?)
    /// Nothing was posted, for this reason.
    case failed(reason: String)
    /// The outcome is unknown, for this reason.
    case unconfirmed(reason: String)

    /// The state that the change leads to.
    package var state: PostState {
        switch self {
        case .sending: .sending
        case .accepted: .accepted
        case .uploaded: .uploaded
        case .published: .published
        case .failed: .failed
        case .unconfirmed: .unconfirmed
        }
    }
}

/// What the request that creates a post tells the destination.
package struct PostAnnouncement: Sendable, Hashable, Codable {
    /// SHA-256 of the file, lower-case hex.
    package var fileDigest: String
    package var fileBytes: Int64
    /// Bytes of every chunk but the last.
    package var chunkSize: Int64
    package var chunkCount: Int
    /// Caption; nil for drafts.
    package var title: String?
    /// Audience in the destination's words; nil for drafts.
    package var privacyLevel: String?
    package var mode: PostMode
    /// The creator's handle when known.
    package var username: String?

    package init(
        fileDigest: String, fileBytes: Int64, chunkSize: Int64, chunkCount: Int, title: String? = nil,
        privacyLevel: String? = nil, mode: PostMode, username: String? = nil
    ) {
        self.fileDigest = fileDigest
        self.fileBytes = fileBytes
        self.chunkSize = chunkSize
        self.chunkCount = chunkCount
        self.title = title
        self.privacyLevel = privacyLevel
        self.mode = mode
        self.username = username
    }
}
