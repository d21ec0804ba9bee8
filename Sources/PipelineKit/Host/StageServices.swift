/// Durable key-value notes that a stage keeps for one asset, so that the next attempt continues where this one ended.
public protocol Checkpoints: Sendable {
    /// Returns the value for `key`; nil when none was set.
    /// - Throws: `StageError` when the journal can't be read.
    func value(_ key: String) async throws(StageError) -> JSONValue?
    /// Sets the value for `key`; it is on disk when the call returns.
    /// - Throws: `StageError` when the journal can't be written.
    func set(_ key: String, to value: JSONValue) async throws(StageError)
}

/// Gives a stage its secrets other than the account's tokens, such as the API key of another service.
public protocol SecretProvider: Sendable {
    /// Returns the secret named `name`.
    /// - Throws: `StageError` with code `not-authorised` when it is missing, or the stage has no permission to read it.
    func secret(_ name: String) async throws(StageError) -> Secret
}

/// A provider without secrets, for hosts and tests that have none.
public struct NoSecrets: SecretProvider {
    public init() {}

    /// Always throws `StageError` with code `not-authorised`.
    public func secret(_ name: String) async throws(StageError) -> Secret {
        throw StageError(.notAuthorised, "the secret \"\(name)\" is not available here", outcome: .configuration)
    }
}

/// A limit on calls, shared by all processes that use the same store.
public struct RateLimit: Sendable, Hashable {
    /// The kind of call, such as `init`.
    public var name: String
    /// The owner of the limit, such as an account; empty for the whole app.
    public var subject: String
    /// The number of permits per window; ``unknown`` when the service doesn't publish it.
    public var permits: Int
    /// The length of the sliding window.
    public var window: Duration

    /// The number of permits when the service doesn't publish it. It is learned from refused calls.
    public static let unknown = Int.max

    public init(name: String, subject: String, permits: Int, window: Duration) {
        self.name = name
        self.subject = subject
        self.permits = permits
        self.window = window
    }
}

/// The permits of the current window that processes on the same store have taken.
public struct TakenPermits: Sendable, Hashable {
    public var count: Int
    /// The time until the first of them leaves the window; nil when none is taken.
    public var nextFree: Duration?

    public init(count: Int = 0, nextFree: Duration? = nil) {
        self.count = count
        self.nextFree = nextFree
    }
}

/// Hands out permits for rate-limited calls. Acquire one before each call.
public protocol RatePermits: Sendable {
    /// Waits for a permit.
    /// - Throws: `StageError` with code `limited` when the wait would be too long, or the user doesn't want to wait.
    func acquire(_ limit: RateLimit) async throws(StageError)
    /// Records a refusal by the service: the permits taken in this window are the limit for now.
    /// - Parameter taken: Whether the refused call holds a permit, which is returned.
    /// - Returns: The permits taken in this window.
    /// - Throws: `StageError` when the refusal can't be recorded.
    @discardableResult
    func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits
    /// Removes a limit learned from a refusal, because the service accepts calls again.
    /// - Throws: `StageError` when the change can't be recorded.
    func granted(_ limit: RateLimit) async throws(StageError)
}

extension RatePermits {
    /// Default for providers that learn no limits: returns an empty count.
    public func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits { TakenPermits() }
    /// Default for providers that learn no limits: does nothing.
    public func granted(_ limit: RateLimit) async throws(StageError) {}
}
