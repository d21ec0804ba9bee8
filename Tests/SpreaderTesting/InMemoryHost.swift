package import Foundation
import Logging
package import PipelineKit
package import Posting
import Synchronization

/// The services of a host, in memory, for tests of single stages.
package struct InMemoryHost: Sendable {
    /// Settings by name of the environment variable.
    package var settings: [String: String] = [:]
    package var post = PostSettings()
    package var postKey = PostKey(account: "open-id-1", digest: "d1", slot: "test")
    package let checkpoints = InMemoryCheckpoints()
    package let credentials: InMemoryCredentials
    /// Rate permits, counted and granted without waiting.
    package let permits = InMemoryPermits()
    package let ledger = InMemoryLedger()
    /// The progress that the stage has reported.
    package let progress = Recorder<StageProgress>()
    /// The clock; by default, no wait takes longer than some milliseconds.
    package var clock = HostClock.hurried

    /// Creates a host whose account has one access token, which cannot be renewed.
    package init(accessToken: String = "act.test", settings: [String: String] = [:]) {
        credentials = InMemoryCredentials([accessToken])
        self.settings = settings
    }

    /// Creates a host whose account has the first token and gets the next one at each renewal.
    package init(accessTokens: [String], settings: [String: String] = [:]) {
        credentials = InMemoryCredentials(accessTokens)
        self.settings = settings
    }

    /// Returns a context for `run`.
    ///
    /// Without a work folder, each context gets a new path that does not exist yet, as in a new run.
    package func context(stage: String = "stage", workDirectory: URL? = nil) -> StageContext {
        let workDirectory =
            workDirectory
            ?? FileManager.default.temporaryDirectory.appending(path: "spreader-host-\(UUID().uuidString)")
        var context = StageContext(
            runID: "run-1", stageID: stage, asset: "clip.mp4", workDirectory: workDirectory,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, checkpoints: checkpoints, permits: permits)
        context.post = post
        context.progress = { [progress] in progress.add($0) }
        context.settings = settings
        context.services = services
        context.clock = clock
        return context
    }

    /// A context for `check`.
    package var checking: CheckContext {
        CheckContext(post: post, account: "default", settings: settings, services: services)
    }
}

extension InMemoryHost {
    private var services: HostServices {
        var services = HostServices()
        services.posting = PostingServices(key: postKey, ledger: ledger, credentials: credentials)
        return services
    }
}

extension HostClock {
    /// The system time, with waits shortened to at most 20 ms.
    package static let hurried = HostClock(
        now: { Date() },
        sleep: { duration in try await Task.sleep(for: min(duration / 20, .milliseconds(20))) })
}

/// A clock that moves only when code sleeps or a test advances it. A sleep returns immediately.
package final class ManualClock: Sendable {
    private let state = Mutex((now: Date(timeIntervalSince1970: 1_000_000), waits: [Duration]()))

    package init() {}

    package var now: Date { state.withLock { $0.now } }
    /// The durations of all sleeps so far.
    package var waits: [Duration] { state.withLock { $0.waits } }

    package func advance(by duration: Duration) {
        state.withLock { $0.now += duration.inSeconds }
    }

    /// This clock in the form that a host provides.
    package var host: HostClock {
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
package final class Recorder<Value: Sendable>: Sendable {
    private let state = Mutex<[Value]>([])

    package init() {}

    package func add(_ value: Value) { state.withLock { $0.append(value) } }
    package var values: [Value] { state.withLock { $0 } }
}

/// Checkpoints that are kept in memory.
package final class InMemoryCheckpoints: Checkpoints {
    private let state = Mutex<[String: JSONValue]>([:])

    package init() {}

    package func value(_ key: String) async throws(StageError) -> JSONValue? { state.withLock { $0[key] } }
    package func set(_ key: String, to value: JSONValue) async throws(StageError) { state.withLock { $0[key] = value } }
}

/// Credentials in memory: a renewal replaces the current token with the next one.
package final class InMemoryCredentials: CredentialProvider {
    private struct State {
        var tokens: [String]
        var renewals = 0
        var scopes: [String]?
    }
    private let state: Mutex<State>

    /// - Parameter tokens: The first is the current one.
    package init(_ tokens: [String]) { state = Mutex(State(tokens: tokens)) }

    /// How often a stage requested a renewal.
    package var renewals: Int { state.withLock { $0.renewals } }

    /// Sets the scopes of the tokens.
    package func grant(_ scopes: [String]?) { state.withLock { $0.scopes = scopes } }

    package func problem(with account: String) -> Diagnostic? {
        guard state.withLock({ $0.tokens.isEmpty }) else { return nil }
        return Diagnostic(code: "no-credentials", "no credentials for \(account)", subject: .authorisation)
    }

    package func credentials(for account: String) async throws(StageError) -> Credentials {
        try state.withLock { (state) throws(StageError) in
            guard let token = state.tokens.first else { throw StageError(.notAuthorised, "no credentials") }
            return Credentials(accessToken: Secret(token), scopes: state.scopes)
        }
    }

    package func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
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
package final class InMemoryPermits: RatePermits {
    private struct State {
        var taken: [RateLimit] = []
        var closed: Set<String> = []
        var refused: [String] = []
    }
    private let state = Mutex(State())

    package init() {}

    package var taken: [RateLimit] { state.withLock { $0.taken } }

    /// The names of the limits that the service has reported as reached.
    package var refused: [String] { state.withLock { $0.refused } }

    package func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        state.withLock { state in
            state.refused.append(limit.name)
            let count = state.taken.filter { $0 == limit }.count - (taken ? 1 : 0)
            return TakenPermits(count: count, nextFree: count > 0 ? limit.window : nil)
        }
    }

    /// Refuses permits of this limit from now on.
    package func close(_ name: String) { state.withLock { _ = $0.closed.insert(name) } }

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        try state.withLock { (state) throws(StageError) in
            guard !state.closed.contains(limit.name) else { throw StageError(.limited, "\(limit.name) is closed") }
            state.taken.append(limit)
        }
    }
}
