public import Foundation

/// The identity of a post. A second post with the same account, footage and slot is a duplicate, even after a crash or
/// on another machine.
public struct PostKey: Sendable, Hashable, Codable {
    /// The identity of the account at the service.
    public var account: String
    /// SHA-256 of the footage as lower-case hex.
    public var digest: String
    /// Which post of that footage: the pipeline's name and, for a series, the part.
    public var slot: String

    public init(account: String, digest: String, slot: String) {
        self.account = account
        self.digest = digest
        self.slot = slot
    }
}

/// The state of a post. Each state is on disk before the next request is sent.
public enum PostState: String, Sendable, Codable, CaseIterable {
    /// The key is claimed; nothing was sent.
    case reserved
    /// The request that creates the post is being sent: after a crash the outcome is unknown.
    case sending
    /// The service returned a publish id; the upload may be in progress.
    case accepted
    case uploaded
    /// The service confirmed the post.
    case published
    /// The service rejected the post, or it is certain that nothing was posted.
    case failed
    /// Whether the service posted it is unknown: only a person can decide, so it is never sent again automatically.
    case unconfirmed
}

public struct PostRecord: Sendable, Hashable {
    /// The id of the post in the ledger.
    public var id: String
    public var key: PostKey
    public var state: PostState
    /// The asset, as the user named it.
    public var asset: String
    /// The run that changed the record last.
    public var runID: String
    /// The service's id of the publication; nil until the service returns one.
    public var publishID: String?
    /// The upload address; it contains a bearer secret and is encrypted at rest.
    public var uploadURL: Secret?
    /// When the service returned the upload address, which is valid for an hour.
    public var acceptedAt: Date?
    /// The digest of the file that was announced to the service.
    public var fileDigest: String?
    /// The size of the file that was announced to the service.
    public var fileBytes: Int64?
    /// The chunk size that was announced to the service.
    public var chunkSize: Int64?
    /// The number of chunks that was announced to the service.
    public var chunkCount: Int?
    /// The caption as sent; nil for drafts.
    public var title: String?
    /// The audience as sent; nil for drafts.
    public var privacyLevel: String?
    public var mode: PostMode
    /// The creator's handle; nil when unknown.
    public var username: String?
    /// The ids of the public posts.
    public var postIDs: [Int64]
    /// The URL of the post; nil when it is not public.
    public var url: String?
    public var reason: String?
    public var updatedAt: Date

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

/// A change of a post's state, with the values that the new state needs.
public enum PostChange: Sendable, Hashable {
    /// The request that creates the post is about to be sent.
    case sending(PostAnnouncement)
    /// The service accepted the request; the upload address is nil when the service fetches the file itself.
    case accepted(publishID: String, uploadURL: Secret?)
    /// The service has all bytes.
    case uploaded
    /// The service confirmed the post.
    case published(postIDs: [Int64], url: String?)
    /// It is certain that nothing was posted.
    case failed(reason: String)
    /// Whether the service posted it is unknown.
    case unconfirmed(reason: String)

    /// The state after the change.
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

/// The file and settings in the request that creates a post.
public struct PostAnnouncement: Sendable, Hashable {
    public var fileDigest: String
    /// The size of the file.
    public var fileBytes: Int64
    /// The size in bytes of every chunk but the last.
    public var chunkSize: Int64
    public var chunkCount: Int
    /// The caption; nil for drafts.
    public var title: String?
    /// The audience; nil for drafts.
    public var privacyLevel: String?
    public var mode: PostMode
    /// The creator's handle; nil when unknown.
    public var username: String?

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

/// The durable record of posts, which prevents duplicates across runs, processes and crashes.
public protocol PostLedger: Sendable {
    /// Returns the post with `key`; nil when there is none.
    /// - Throws: `StageError` when the ledger can't be read.
    func find(_ key: PostKey) async throws(StageError) -> PostRecord?
    /// Returns the posts of the same footage and account whose slot is that of `key`, or that slot followed by `#`.
    /// - Throws: `StageError` when the ledger can't be read.
    func series(_ key: PostKey) async throws(StageError) -> [PostRecord]
    /// Returns the cuts of footage that is posted in parts, in seconds on the footage's timeline, as saved by
    /// ``keep(cuts:_:)``; nil when none were saved.
    /// - Throws: `StageError` when the ledger can't be read.
    func cuts(_ key: PostKey) async throws(StageError) -> [Double]?
    /// Saves the cuts of the footage, so that a later run posts the same parts; replaces earlier ones.
    /// - Throws: `StageError` when the ledger can't be written.
    func keep(cuts: [Double], _ key: PostKey) async throws(StageError)
    /// Claims the post with `key`. Returns a new record, the existing one, or a failed one that is `reserved` again.
    /// - Throws: `StageError` when the ledger can't be written.
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord
    /// Changes the state of a post; the change is on disk when the call returns.
    /// - Throws: `StageError` when the current state doesn't allow the change, or the ledger can't be written.
    @discardableResult
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord
    /// Records the rate of an upload to a service, in bytes per second.
    /// - Throws: `StageError` when the ledger can't be written.
    func note(uploadRate: Double, to service: String) async throws(StageError)
    /// Returns the highest upload rate to a service since `moment`, in bytes per second; nil when none was recorded.
    /// - Throws: `StageError` when the ledger can't be read.
    func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double?
}

extension PostLedger {
    /// Default: at most the post with exactly this key.
    public func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await find(key).map { [$0] } ?? []
    }
    /// Default for ledgers that don't save cuts: nil.
    public func cuts(_ key: PostKey) async throws(StageError) -> [Double]? { nil }
    /// Default for ledgers that don't save cuts: does nothing.
    public func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {}
    /// Default for ledgers that don't record rates: does nothing.
    public func note(uploadRate: Double, to service: String) async throws(StageError) {}
    /// Default for ledgers that don't record rates: nil.
    public func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? { nil }
}
