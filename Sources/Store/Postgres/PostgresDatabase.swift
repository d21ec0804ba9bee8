package import Foundation
package import PipelineKit
import Synchronization

/// PostgreSQL as an `SQLDatabase`, for several machines that share the work.
///
/// Works through a transaction pooler, except for notifications; without them the callers poll.
package final class PostgresDatabase: SQLDatabase {
    /// The clock of a database.
    package enum Time: Sendable {
        /// The server's clock, independent of the hosts' clocks.
        case database
        /// A clock that the caller passes, for tests.
        case given(@Sendable () -> Date)
    }

    /// The maximum number of concurrent transactions of this process.
    private static let width = 4
    /// The maximum number of attempts after serialisation failures and deadlocks.
    private static let attempts = 8

    private let address: Secret
    private let time: Time
    private let patience: Duration
    private let idle = Mutex<[PostgresConnection]>([])
    private let room = AsyncSemaphore(PostgresDatabase.width)

    /// Takes an address such as `postgres://user:password@host:port/name`. Connects on first use.
    /// - Parameter patience: How long a call waits for an unreachable server, such as one that is restarting.
    package init(_ address: Secret, time: Time = .database, patience: Duration = .zero) {
        self.address = address
        self.time = time
        self.patience = patience
    }

    package var dialect: SQLDialect { .postgresql }

    /// The same database with another patience. It takes over the idle connections.
    func waiting(_ patience: Duration) -> PostgresDatabase {
        let database = PostgresDatabase(address, time: time, patience: patience)
        database.idle.withLock {
            $0 = idle.withLock { idle in
                defer { idle = [] }; return idle
            }
        }
        return database
    }

    /// The address without its password.
    package var name: String { Self.shown(address.reveal()) }

    /// An address without passwords, for messages.
    package static func shown(_ address: String) -> String {
        guard var parts = URLComponents(string: address) else { return "postgres://…" }
        parts.password = nil
        parts.queryItems = parts.queryItems?.filter { !["password", "sslpassword"].contains($0.name) }
        if parts.queryItems?.isEmpty == true { parts.queryItems = nil }
        return parts.string ?? "postgres://…"
    }

    /// Returns a clock that follows the server's time as measured now, and ignores later changes of the host's clock.
    /// - Throws: `StageError` when the server can't be reached.
    package func clock() async throws(StageError) -> HostClock {
        let best = try await StoreError.bridge("reading the database's time failed") {
            try await read { connection in
                var best: (moment: Double, at: ContinuousClock.Instant, took: Duration)?
                // The fastest response is the most precise one; assume that it was made halfway.
                for _ in 0..<3 where best.map({ $0.took > .milliseconds(20) }) ?? true {
                    let before = ContinuousClock.now
                    let moment = try connection.now()
                    let took = ContinuousClock.now - before
                    if best.map({ took < $0.took }) ?? true { best = (moment, before + took / 2, took) }
                }
                return best
            }
        }
        guard let best else { return .system }
        return HostClock(
            now: { Date(timeIntervalSince1970: best.moment + (ContinuousClock.now - best.at).inSeconds) },
            sleep: HostClock.system.sleep)
    }

    /// Each statement sees the data committed before it; an explicit transaction would only add two round trips.
    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await perform { try body($0) } }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await perform { try $0.transaction(body) } }

    package func scrub(_ tables: [String]) async throws {
        try await perform { connection in
            for table in tables { try connection.execute("VACUUM \(table)") }
        }
    }

    package func notices(on channel: String) -> AsyncStream<SQLNotice>? {
        AsyncStream { continuation in
            let task = Task { [self] in
                var pause = Duration.milliseconds(100)
                while !Task.isCancelled {
                    do {
                        let connection = try await PostgresConnection.open(address, time: time)
                        _ = try await connection.run { try $0.execute("LISTEN \(channel)") }
                        // A transaction pooler accepts LISTEN but gives the connection to other clients, so that
                        // notifications never arrive. Test it with a notification from another connection.
                        let mark = UUID().uuidString
                        _ = try await write { try $0.query("SELECT pg_notify(?, ?)", [channel, mark]) }
                        let isHeard = try await connection.run { connection in
                            for _ in 0..<25 where try connection.waitForNotices(milliseconds: 200).contains(mark) {
                                return true
                            }
                            return false
                        }
                        guard isHeard else { throw StoreError(.unavailable, "notifications do not arrive") }
                        continuation.yield(.listening)
                        pause = .milliseconds(100)
                        while !Task.isCancelled {
                            let told = try await connection.run { try $0.waitForNotices(milliseconds: 500) }
                            // Ignore the test notifications of other listeners.
                            if told.contains("") { continuation.yield(.told) }
                        }
                    } catch {
                        // Callers poll, which reports the error. Reconnect until the server is back.
                        continuation.yield(.deaf)
                        try? await Task.sleep(for: pause)
                        pause = min(pause * 2, .seconds(10))
                    }
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> Value
    ) async throws -> Value {
        try await room.enter()
        defer { room.leave() }
        let deadline = ContinuousClock.now + patience
        var pause = Duration.milliseconds(50)
        var attempt = 1
        while true {
            var held: (connection: PostgresConnection, isFresh: Bool)?
            do {
                let (connection, isFresh) = try await connection()
                held = (connection, isFresh)
                let value = try await connection.run(body)
                idle.withLock { $0.append(connection) }
                return value
            } catch let failure as PostgresFailure where failure.isTransient && attempt < Self.attempts {
                if let held { idle.withLock { $0.append(held.connection) } }
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(10 * attempt))))
            } catch {
                guard let away = Self.away(error) else {
                    if let held, held.connection.isAlive { idle.withLock { $0.append(held.connection) } }
                    throw error
                }
                // The other idle connections have broken too.
                idle.withLock { $0.removeAll() }
                if let held {
                    // After the first statement the transaction may have been committed: only the caller can find out.
                    if await held.connection.hasBegun() { throw away }
                    if !held.isFresh { continue }
                }
                guard ContinuousClock.now + pause < deadline else { throw away }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    /// The error to report for a temporarily unavailable server; nil for other errors.
    private static func away(_ error: any Error) -> StoreError? {
        if let failure = error as? PostgresFailure, failure.isShutdown {
            return StoreError(.unavailable, "PostgreSQL is unavailable for now: \(failure.message)", hint: "try again")
        }
        guard let error = error as? StoreError, error.code == .unavailable else { return nil }
        return error
    }

    private func connection() async throws -> (PostgresConnection, isFresh: Bool) {
        if let connection = idle.withLock({ $0.popLast() }) { return (connection, false) }
        return (try await PostgresConnection.open(address, time: time), true)
    }
}

/// An async semaphore with a first-come, first-served queue.
private final class AsyncSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [(id: UUID, continuation: CheckedContinuation<Void, any Error>)] = []
    }
    private let state: Mutex<State>

    init(_ size: Int) { state = Mutex(State(free: size)) }

    func enter() async throws {
        let id = UUID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isIn = state.withLock { state -> Bool? in
                    if Task.isCancelled { return nil }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((id, continuation))
                    return false
                }
                switch isIn {
                case true?: continuation.resume()
                case false?: break
                case nil: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let waiting = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
                return state.waiting.remove(at: index).continuation
            }
            waiting?.resume(throwing: CancellationError())
        }
    }

    func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume()
    }
}
