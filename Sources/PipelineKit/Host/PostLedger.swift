public import Foundation

/// What makes a post one and the same: posting the same footage to the same account from the same slot twice is a
/// duplicate, whatever happened to machines in between.
public struct PostKey: Sendable, Hashable, Codable {
    /// Identity of the account at the service.
    public var account: String
    /// SHA-256 of the footage, lower-case hex.
    public var digest: String
    /// Which post of that footage: the pipeline's name, and the part for series.
    public var slot: String

    /// A key.
    public init(account: String, digest: String, slot: String) {
        self.account = account
        self.digest = digest
        self.slot = slot
    }
}

/// Where a post stands. Each step is on disk before the next remote step begins.
public enum PostState: String, Sendable, Codable, CaseIterable {
    /// Claimed; nothing was sent.
    case reserved
    /// The request that creates the post is on its way: a crash from here is ambiguous.
    case sending
    /// The service gave a publish id; bytes may be under way.
    case accepted
    /// The service has all bytes.
    case uploaded
    /// The service confirmed the post.
    case published
    /// The service refused it, or it is certain that nothing was posted.
    case failed
    /// It can't be known whether it was posted: a person decides, never the machine.
    case unconfirmed
}

/// One post in the ledger.
public struct PostRecord: Sendable, Hashable {
    /// The ledger's own id.
    public var id: String
    /// What makes it one and the same.
    public var key: PostKey
    /// Where it stands.
    public var state: PostState
    /// The asset as the user named it.
    public var asset: String
    /// The run that touched it last.
    public var runID: String
    /// The service's id once it gave one.
    public var publishID: String?
    /// Where the bytes go; a bearer secret, encrypted at rest.
    public var uploadURL: Secret?
    /// When the service gave the upload address (it lives an hour).
    public var acceptedAt: Date?
    /// Digest of the file announced to the service.
    public var fileDigest: String?
    /// Bytes announced to the service.
    public var fileBytes: Int64?
    /// Chunk size announced to the service.
    public var chunkSize: Int64?
    /// Number of chunks announced to the service.
    public var chunkCount: Int?
    /// Caption as sent.
    public var title: String?
    /// Audience as sent.
    public var privacyLevel: String?
    /// How it reaches the creator.
    public var mode: PostMode
    /// The creator's handle when known.
    public var username: String?
    /// Ids of public posts.
    public var postIDs: [Int64]
    /// Address of the post.
    public var url: String?
    /// Why it failed or is unconfirmed.
    public var reason: String?
    /// When it was last written.
    public var updatedAt: Date

    /// A record; see the properties.
    public init(
        id: String, key: PostKey, state: PostState, asset: String, runID: String, publishID: String? = nil,
        uploadURL: Secret? = nil, acceptedAt: Date? = nil, fileDigest: String? = nil, fileBytes: Int64? = nil,
        chunkSize: Int64? = nil, chunkCount: Int? = nil, title: String? = nil, privacyLevel: String? = nil,
        mode: PostMode = .direct, username: String? = nil, postIDs: [Int64] = [], url: String? = nil,
        reason: String? = nil, updatedAt: Date
    ) {
        self.id = id
        self.key = key
        self.state = state
        self.asset = asset
        self.runID = runID
        self.publishID = publishID
        self.uploadURL = uploadURL
        self.acceptedAt = acceptedAt
        self.fileDigest = fileDigest
        self.fileBytes = fileBytes
        self.chunkSize = chunkSize
        self.chunkCount = chunkCount
        self.title = title
        self.privacyLevel = privacyLevel
        self.mode = mode
        self.username = username
        self.postIDs = postIDs
        self.url = url
        self.reason = reason
        self.updatedAt = updatedAt
    }
}

/// One step of a post.
public enum PostChange: Sendable, Hashable {
    /// The creating request is about to leave, for a file of this digest, size and chunk plan.
    case sending(PostAnnouncement)
    /// The service accepted: publish id and, for uploads, the address for the bytes.
    case accepted(publishID: String, uploadURL: Secret?)
    /// All bytes are with the service.
    case uploaded
    /// The service confirmed the post.
    case published(postIDs: [Int64], url: String?)
    /// Nothing was posted, for this reason.
    case failed(reason: String)
    /// The outcome is unknown, for this reason.
    case unconfirmed(reason: String)

    /// The state that the change leads to.
    public var state: PostState {
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

/// What is announced to the service when a post is created.
public struct PostAnnouncement: Sendable, Hashable {
    /// Digest of the file.
    public var fileDigest: String
    /// Bytes of the file.
    public var fileBytes: Int64
    /// Bytes of every chunk but the last.
    public var chunkSize: Int64
    /// Number of chunks.
    public var chunkCount: Int
    /// Caption; nil for drafts.
    public var title: String?
    /// Audience; nil for drafts.
    public var privacyLevel: String?
    /// How it reaches the creator.
    public var mode: PostMode
    /// The creator's handle when known.
    public var username: String?

    /// An announcement; see the properties.
    public init(
        fileDigest: String, fileBytes: Int64, chunkSize: Int64, chunkCount: Int, title: String?,
        privacyLevel: String?, mode: PostMode, username: String?
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

/// The durable record of posts.
public protocol PostLedger: Sendable {
    /// The post with `key`, or nil when there never was one.
    /// - Throws: `StageError` when the ledger can't be read.
    func find(_ key: PostKey) async throws(StageError) -> PostRecord?
    /// The posts of the same footage and account under the slot of `key`, and under those that begin with it and `#`.
    /// - Throws: `StageError` when the ledger can't be read.
    func series(_ key: PostKey) async throws(StageError) -> [PostRecord]
    /// Where footage is cut that is posted in parts, in seconds of its own time, as it was kept under `key`; nil when that
    /// is not known.
    /// - Throws: `StageError` when the ledger can't be read.
    func cuts(_ key: PostKey) async throws(StageError) -> [Double]?
    /// Keeps where footage is cut, instead of what was kept under `key` before.
    /// - Throws: `StageError` when the ledger can't be written.
    func keep(cuts: [Double], _ key: PostKey) async throws(StageError)
    /// Claims the post with `key`: a new record, the existing one, or an earlier failed one made `reserved` again.
    /// - Throws: `StageError` when the ledger can't be written.
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord
    /// Takes a post one step further; the step is on disk when the call returns.
    /// - Throws: `StageError` when the step is not allowed from where the post stands, or can't be written.
    @discardableResult
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord
    /// Keeps how fast an upload to a service went, in bytes a second.
    /// - Throws: `StageError` when it can't be written.
    func note(uploadRate: Double, to service: String) async throws(StageError)
    /// The fastest upload to a service since a moment, in bytes a second; nil when none was measured.
    /// - Throws: `StageError` when it can't be read.
    func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double?
}

extension PostLedger {
    /// The one post.
    public func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await find(key).map { [$0] } ?? []
    }
    /// Knows nothing.
    public func cuts(_ key: PostKey) async throws(StageError) -> [Double]? { nil }
    /// Keeps nothing.
    public func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {}
    /// Keeps nothing.
    public func note(uploadRate: Double, to service: String) async throws(StageError) {}
    /// Knows nothing.
    public func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? { nil }
}
