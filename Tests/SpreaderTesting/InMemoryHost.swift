public import Foundation
import Logging
public import PipelineKit
import Synchronization

/// The services of a host, in memory, for tests of single stages.
public struct InMemoryHost: Sendable {
    /// Settings by name of the environment variable.
    public var settings: [String: String] = [:]
    public var post = PostSettings()
    public var postKey = PostKey(account: "open-id-1", digest: "d1", slot: "test")
    public let checkpoints = InMemoryCheckpoints()
    public let credentials: InMemoryCredentials
    /// Rate permits, counted and granted without waiting.
    public let permits = InMemoryPermits()
    public let ledger = InMemoryLedger()
    /// The progress that the stage has reported.
    public let progress = Recorder<StageProgress>()
    /// The clock; by default, no wait takes longer than some milliseconds.
    public var clock = HostClock.hurried

    /// Creates a host whose account has one access token, which cannot be renewed.
    public init(accessToken: String = "act.test", settings: [String: String] = [:]) {
        credentials = InMemoryCredentials([accessToken])
        self.settings = settings
    }

    /// Creates a host whose account has the first token and gets the next one at each renewal.
    public init(accessTokens: [String], settings: [String: String] = [:]) {
        credentials = InMemoryCredentials(accessTokens)
        self.settings = settings
    }

    /// Returns a context for `run`.
    ///
    /// Without a work folder, each context gets a new path that does not exist yet, as in a new run.
    public func context(stage: String = "stage", workDirectory: URL? = nil) -> StageContext {
        let workDirectory =
            workDirectory
            ?? FileManager.default.temporaryDirectory.appending(path: "spreader-host-\(UUID().uuidString)")
        return StageContext(
            runID: "run-1", stageID: stage, asset: "clip.mp4", attempt: 1, workDirectory: workDirectory, post: post,
            postKey: postKey, account: "default", settings: settings,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            progress: { [progress] in progress.add($0) },
            checkpoints: checkpoints, credentials: credentials, permits: permits, ledger: ledger, clock: clock)
    }

    /// A context for `check`.
    public var checking: CheckContext {
        CheckContext(post: post, account: "default", settings: settings, credentials: credentials)
    }
}

extension HostClock {
    /// The system time, with waits shortened to at most 20 ms.
    public static let hurried = HostClock(
        now: { Date() },
        sleep: { duration in try await Task.sleep(for: min(duration / 20, .milliseconds(20))) })
}

/// A clock that moves only when code sleeps or a test advances it. A sleep returns immediately.
public final class ManualClock: Sendable {
    private let state = Mutex((now: Date(timeIntervalSince1970: 1_000_000), waits: [Duration]()))

    public init() {}

    public var now: Date { state.withLock { $0.now } }
    /// The durations of all sleeps so far.
    public var waits: [Duration] { state.withLock { $0.waits } }

    public func advance(by duration: Duration) {
        state.withLock { $0.now += duration.inSeconds }
    }

    /// This clock in the form that a host provides.
    public var host: HostClock {
        HostClock(
            now: { self.now },
            sleep: { duration in
                try Task.checkCancellation()
                self.state.withLock {
                    $0.now += duration.inSeconds
                    $0.waits.append(duration)
                }
            })
    }
}

/// Collects values from any thread.
public final class Recorder<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])

    public init() {}

    public func add(_ value: Value) { state.withLock { $0.append(value) } }
    public var values: [Value] { state.withLock { $0 } }
}

/// Checkpoints that are kept in memory.
public final class InMemoryCheckpoints: Checkpoints {
    private let state = Mutex<[String: JSONValue]>([:])

    public init() {}

    public func value(_ key: String) async throws(StageError) -> JSONValue? { state.withLock { $0[key] } }
    public func set(_ key: String, to value: JSONValue) async throws(StageError) { state.withLock { $0[key] = value } }
}

/// Credentials in memory: a renewal replaces the current token with the next one.
public final class InMemoryCredentials: CredentialProvider {
    private struct State {
        var tokens: [String]
        var renewals = 0
        var scopes: [String]?
    }
    private let state: Mutex<State>

    /// - Parameter tokens: The first is the current one.
    public init(_ tokens: [String]) { state = Mutex(State(tokens: tokens)) }

    /// How often a stage requested a renewal.
    public var renewals: Int { state.withLock { $0.renewals } }

    /// Sets the scopes of the tokens.
    public func grant(_ scopes: [String]?) { state.withLock { $0.scopes = scopes } }

    public func problem(with account: String) -> Diagnostic? {
        guard state.withLock({ $0.tokens.isEmpty }) else { return nil }
        return Diagnostic(code: "no-credentials", "no credentials for \(account)", subject: .authorisation)
    }

    public func credentials(for account: String) async throws(StageError) -> Credentials {
        try state.withLock { (state) throws(StageError) in
            guard let token = state.tokens.first else { throw StageError(.notAuthorised, "no credentials") }
            return Credentials(accessToken: Secret(token), scopes: state.scopes)
        }
    }

    public func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        try state.withLock { (state) throws(StageError) in
            state.renewals += 1
            if state.tokens.first == rejected.reveal() { state.tokens.removeFirst() }
            guard let token = state.tokens.first else {
                throw StageError(.notAuthorised, "the login can't be renewed")
            }
            return Credentials(accessToken: Secret(token), scopes: state.scopes)
        }
    }
}

/// Rate permits that are counted and granted immediately, until a test closes a limit.
public final class InMemoryPermits: RatePermits {
    private struct State {
        var taken: [RateLimit] = []
        var closed: Set<String> = []
        var refused: [String] = []
    }
    private let state = Mutex(State())

    public init() {}

    public var taken: [RateLimit] { state.withLock { $0.taken } }

    /// The names of the limits that the service has reported as reached.
    public var refused: [String] { state.withLock { $0.refused } }

    public func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        state.withLock { state in
            state.refused.append(limit.name)
            let count = state.taken.filter { $0 == limit }.count - (taken ? 1 : 0)
            return TakenPermits(count: count, nextFree: count > 0 ? limit.window : nil)
        }
    }

    /// Refuses permits of this limit from now on.
    public func close(_ name: String) { state.withLock { _ = $0.closed.insert(name) } }

    public func acquire(_ limit: RateLimit) async throws(StageError) {
        try state.withLock { (state) throws(StageError) in
            guard !state.closed.contains(limit.name) else { throw StageError(.limited, "\(limit.name) is closed") }
            state.taken.append(limit)
        }
    }
}

/// A post ledger in memory, with the state transitions of a durable one.
public final class InMemoryLedger: PostLedger {
    private struct State {
        var records: [PostKey: PostRecord] = [:]
        var history: [PostState] = []
        var rates: [Double] = []
    }
    private let state = Mutex(State())

    public init() {}

    /// All states written so far, in order.
    public var history: [PostState] { state.withLock { $0.history } }
    public var records: [PostRecord] { state.withLock { Array($0.records.values) } }

    /// The recorded upload rates, in bytes per second.
    public var uploadRates: [Double] { state.withLock { $0.rates } }

    public func note(uploadRate: Double, to service: String) async throws(StageError) {
        state.withLock { $0.rates.append(uploadRate) }
    }

    public func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? {
        uploadRates.max()
    }

    /// Stores a record, as an earlier run would have left it.
    public func put(_ record: PostRecord) { state.withLock { $0.records[record.key] = record } }

    public func find(_ key: PostKey) async throws(StageError) -> PostRecord? { state.withLock { $0.records[key] } }

    public func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        state.withLock { state in
            if let existing = state.records[key], existing.state != .failed { return existing }
            let record = PostRecord(
                id: state.records[key]?.id ?? "post-\(state.records.count + 1)", key: key, state: .reserved,
                asset: asset, runID: runID, updatedAt: Date())
            state.records[key] = record
            state.history.append(.reserved)
            return record
        }
    }

    @discardableResult
    public func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        try state.withLock { (state) throws(StageError) in
            guard var record = state.records.values.first(where: { $0.id == id }) else {
                throw StageError(.internalFault, "no post \(id)")
            }
            guard Self.isAllowed(record.state, change.state) else {
                throw StageError(.internalFault, "\(record.state.rawValue) can't become \(change.state.rawValue)")
            }
            record.state = change.state
            record.updatedAt = Date()
            switch change {
            case .sending(let announced):
                record.fileDigest = announced.fileDigest
                record.fileBytes = announced.fileBytes
                record.chunkSize = announced.chunkSize
                record.chunkCount = announced.chunkCount
                record.title = announced.title
                record.privacyLevel = announced.privacyLevel
                record.mode = announced.mode
                record.username = announced.username
            case .accepted(let publishID, let uploadURL):
                record.publishID = publishID
                record.uploadURL = uploadURL
                record.acceptedAt = Date()
            case .uploaded: record.uploadURL = nil
            case .published(let ids, let url):
                record.postIDs = ids
                record.url = url
                record.uploadURL = nil
            case .failed(let reason):
                record.reason = reason
                record.uploadURL = nil
            case .unconfirmed(let reason): record.reason = reason
            }
            state.records[record.key] = record
            state.history.append(change.state)
            return record
        }
    }

    private static func isAllowed(_ from: PostState, _ to: PostState) -> Bool {
        switch (from, to) {
        case (.reserved, .sending), (.reserved, .failed), (.sending, .accepted), (.sending, .failed),
            (.sending, .unconfirmed), (.accepted, .uploaded), (.accepted, .published), (.accepted, .failed),
            (.accepted, .unconfirmed), (.uploaded, .published), (.uploaded, .failed), (.uploaded, .unconfirmed),
            (.unconfirmed, .published), (.unconfirmed, .failed), (.uploaded, .uploaded), (.published, .published),
            (.unconfirmed, .unconfirmed):
            true
        default: false
        }
    }
}
