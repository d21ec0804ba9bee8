import Foundation

/// Durable notes that a stage keeps for one asset, so that a later attempt takes up where it stood.
public protocol Checkpoints: Sendable {
    /// The note under `key`, or nil.
    /// - Throws: `StageError` when the journal can't be read.
    func value(_ key: String) async throws(StageError) -> JSONValue?
    /// Writes a note; it is on disk when the call returns.
    /// - Throws: `StageError` when the journal can't be written.
    func set(_ key: String, to value: JSONValue) async throws(StageError)
}

/// Gives stages secrets that have nothing to do with the account, such as the key of another service.
public protocol SecretProvider: Sendable {
    /// The secret of that name.
    /// - Throws: `StageError` with code `not-authorised` when there is none, or the stage may not have it.
    func secret(_ name: String) async throws(StageError) -> Secret
}

/// No secrets at all.
public struct NoSecrets: SecretProvider {
    /// Nothing to give.
    public init() {}

    /// Refuses.
    /// - Throws: `StageError` with code `not-authorised`.
    public func secret(_ name: String) async throws(StageError) -> Secret {
        throw StageError(.notAuthorised, "there is no secret \"\(name)\" here", outcome: .configuration)
    }
}

/// A limit that is shared by everything that uses the same store.
public struct RateLimit: Sendable, Hashable {
    /// What is limited, such as `init`.
    public var name: String
    /// Whose limit it is, such as the account; empty for the whole app.
    public var subject: String
    /// Permits in one window; ``unknown`` when only refusals tell.
    public var permits: Int
    /// The sliding window.
    public var window: Duration

    /// A number of permits that the service does not tell. It is learned from refusals.
    public static let unknown = Int.max

    /// A limit.
    public init(name: String, subject: String, permits: Int, window: Duration) {
        self.name = name
        self.subject = subject
        self.permits = permits
        self.window = window
    }
}

/// Permits of a window that were taken by those who share the store.
public struct TakenPermits: Sendable, Hashable {
    /// How many.
    public var count: Int
    /// When the first of them leaves the window; nil when there is none.
    public var nextFree: Duration?

    /// Permits.
    public init(count: Int = 0, nextFree: Duration? = nil) {
        self.count = count
        self.nextFree = nextFree
    }
}

/// Hands out permits for rate-limited calls.
public protocol RatePermits: Sendable {
    /// Waits for a permit.
    /// - Throws: `StageError` with code `limited` when waiting is not wanted or would take too long.
    func acquire(_ limit: RateLimit) async throws(StageError)
    /// Learns from a refusal: what was taken in the window so far is as much as the service gives for now.
    /// - Parameter taken: Whether the refused call had taken a permit, which it gives back.
    /// - Returns: The permits that were taken here in the window.
    /// - Throws: `StageError` when it can't be written down.
    @discardableResult
    func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits
    /// Forgets what a refusal taught: the service says that there is room.
    /// - Throws: `StageError` when it can't be written down.
    func granted(_ limit: RateLimit) async throws(StageError)
}

extension RatePermits {
    /// Learns nothing.
    public func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits { TakenPermits() }
    /// There is nothing to forget.
    public func granted(_ limit: RateLimit) async throws(StageError) {}
}
