package import Foundation
import Logging
package import PipelineKit
package import Posting
import Synchronization

/// Everything that a host gives a stage, in memory, for tests of stages.
package struct InMemoryHost: Sendable {
    /// Settings by environment name.
    package var settings: [String: String] = [:]
    /// The post's settings.
    package var post = PostSettings()
    /// Identity of the post.
    package var postKey = PostKey(account: "open-id-1", digest: "d1", slot: "test")
    /// Durable notes.
    package let checkpoints = InMemoryCheckpoints()
    /// Tokens.
    package let credentials: InMemoryCredentials
    /// Permits; counted, never waited for.
    package let permits = InMemoryPermits()
    /// Posts.
    package let ledger = InMemoryLedger()
    /// Progress that was reported.
    package let progress = Recorder<StageProgress>()
    /// Time; by default no wait takes longer than a few milliseconds.
    package var clock = HostClock.hurried

    /// A host whose account has the token `accessToken`.
    package init(accessToken: String = "act.test", settings: [String: String] = [:]) {
        credentials = InMemoryCredentials([accessToken])
        self.settings = settings
    }

    /// A host whose account has the first token and gets the next one at each renewal.
    package init(accessTokens: [String], settings: [String: String] = [:]) {
        credentials = InMemoryCredentials(accessTokens)
        self.settings = settings
    }

    /// The context of a stage.
    ///
    /// Without a folder it gets one of its own that is not made yet, as for another run.
    package func context(stage: String = "stage", workDirectory: URL? = nil) -> StageContext {
        let workDirectory =
            workDirectory
            ?? FileManager.default.temporaryDirectory.appending(path: "spreader-host-\(UUID().uuidString)")
        var context = StageContext(
            runID: "run-1", stageID: stage, asset: "clip.mp4", workDirectory: workDirectory, post: post,
            account: "default", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            progress: { [progress] in progress.add($0) }, checkpoints: checkpoints, permits: permits)
        context.settings = settings
        context.services = services
        context.clock = clock
        return context
    }

    /// The context of a check.
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
    /// The machine's time, with waits cut to some milliseconds.
    package static let hurried = HostClock(
        now: { Date() },
        sleep: { duration in try await Task.sleep(for: min(duration / 20, .milliseconds(20))) })
}

/// A clock that moves only when somebody waits, and then at once.
package final class ManualClock: Sendable {
    private let state = Mutex((now: Date(timeIntervalSince1970: 1_000_000), waits: [Duration]()))

    /// A clock.
    package init() {}

    /// The time.
    package var now: Date { state.withLock { $0.now } }
    /// Every wait so far.
    package var waits: [Duration] { state.withLock { $0.waits } }

    /// Moves on.
    package func advance(by duration: Duration) {
        state.withLock { $0.now += duration.inSeconds }
    }

    /// The clock as the host gives it.
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

    /// An empty one.
    package init() {}

    /// Adds a value.
    package func add(_ value: Value) { state.withLock { $0.append(value) } }
    /// All values so far.
    package var values: [Value] { state.withLock { $0 } }
}

/// Durable notes in memory.
package final class InMemoryCheckpoints: Checkpoints {
    private let state = Mutex<[String: JSONValue]>([:])

    /// No notes.
    package init() {}

    package func value(_ key: String) async throws(StageError) -> JSONValue? { state.withLock { $0[key] } }
    package func set(_ key: String, to value: JSONValue) async throws(StageError) { state.withLock { $0[key] = value } }
}

/// Tokens in memory: one after another, as they are refused.
package final class InMemoryCredentials: CredentialProvider {
    private struct State {
        var tokens: [String]
        var renewals = 0
        var scopes: [String]?
    }
    private let state: Mutex<State>

    /// Tokens in order; the first is in use.
    package init(_ tokens: [String]) { state = Mutex(State(tokens: tokens)) }

    /// How often a new token was asked for.
    package var renewals: Int { state.withLock { $0.renewals } }

    /// Sets the permissions that the tokens carry.
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

/// Permits that are counted and handed out at once, until a limit is closed.
package final class InMemoryPermits: RatePermits {
    private struct State {
        var taken: [RateLimit] = []
        var closed: Set<String> = []
        var refused: [String] = []
    }
    private let state = Mutex(State())

    /// Open permits.
    package init() {}

    /// Every permit handed out.
    package var taken: [RateLimit] { state.withLock { $0.taken } }

    /// The names of the limits that the service showed by refusing.
    package var refused: [String] { state.withLock { $0.refused } }

    package func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        state.withLock { state in
            state.refused.append(limit.name)
            let count = state.taken.filter { $0 == limit }.count - (taken ? 1 : 0)
            return TakenPermits(count: count, nextFree: count > 0 ? limit.window : nil)
        }
    }

    /// Refuses the limit called `name` from now on.
    package func close(_ name: String) { state.withLock { _ = $0.closed.insert(name) } }

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        try state.withLock { (state) throws(StageError) in
            guard !state.closed.contains(limit.name) else { throw StageError(.limited, "\(limit.name) is closed") }
            state.taken.append(limit)
        }
    }
}
