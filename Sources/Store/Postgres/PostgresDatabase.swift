package import Foundation
package import PipelineKit
import Synchronization

/// PostgreSQL behind the common face: for several machines that share the work.
///
/// Needs nothing that a transaction pooler in between would break, but for notices, beneath which is polling.
package final class PostgresDatabase: SQLDatabase {
    /// Where time comes from.
    package enum Time: Sendable {
        /// From the server, whatever the hosts' clocks say.
        case database
        /// From the caller.
        case given(@Sendable () -> Date)
    }

    /// Transactions that may be under way at once in this process.
    private static let width = 4
    /// How often a transaction is run that the server asks to run again.
    private static let attempts = 8

    private let address: Secret
    private let time: Time
    private let patience: Duration
    private let idle = Mutex<[PostgresConnection]>([])
    private let room = AsyncRoom(PostgresDatabase.width)

    /// A database by its address, `postgres://user:password@host:port/name`. Connects when it is first used.
    /// - Parameter patience: How long a server that is away, such as one that restarts, is waited for.
    package init(_ address: Secret, time: Time = .database, patience: Duration = .zero) {
        self.address = address
        self.time = time
        self.patience = patience
    }

    package var dialect: SQLDialect { .postgresql }

    /// The same database with another patience; it takes the connections over.
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

    /// An address as people may see it: without the password, wherever it stands.
    package static func shown(_ address: String) -> String {
        guard var parts = URLComponents(string: address) else { return "postgres://…" }
        parts.password = nil
        parts.queryItems = parts.queryItems?.filter { !["password", "sslpassword"].contains($0.name) }
        if parts.queryItems?.isEmpty == true { parts.queryItems = nil }
        return parts.string ?? "postgres://…"
    }

    /// A clock that goes by the server's time, as it was a moment ago, and not by this host's, which may be wrong or set
    /// meanwhile.
    /// - Throws: `StageError` when the server can't be asked.
    package func clock() async throws(StageError) -> HostClock {
        let best = try await StoreError.bridge("asking the database's time failed") {
            try await read { connection in
                var best: (moment: Double, at: ContinuousClock.Instant, took: Duration)?
                // The quickest answer is the most exact one; it was given about halfway.
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

    /// Each statement sees what is committed by then; a transaction around them would add nothing but two round trips.
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
                        // A transaction pooler takes LISTEN and hands the connection to the next: then what another
                        // connection tells never comes.
                        let mark = UUID().uuidString
                        _ = try await write { try $0.query("SELECT pg_notify(?, ?)", [channel, mark]) }
                        let isHeard = try await connection.run { connection in
                            for _ in 0..<25 where try connection.waitForNotices(milliseconds: 200).contains(mark) {
                                return true
                            }
                            return false
                        }
                        guard isHeard else { throw StoreError(.unavailable, "notices do not arrive") }
                        continuation.yield(.listening)
                        pause = .milliseconds(100)
                        while !Task.isCancelled {
                            let told = try await connection.run { try $0.waitForNotices(milliseconds: 500) }
                            // Another listener's mark is of no interest.
                            if told.contains("") { continuation.yield(.told) }
                        }
                    } catch {
                        // The server is away; polling tells that, and this goes on when it is back.
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
                // The others have died with it.
                idle.withLock { $0.removeAll() }
                if let held {
                    // What broke later than at its first statement may be committed: only the caller can find out.
                    if await held.connection.hasBegun() { throw away }
                    if !held.isFresh { continue }
                }
                guard ContinuousClock.now + pause < deadline else { throw away }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    /// What an error says of a server that is away for now; nil for other errors.
    private static func away(_ error: any Error) -> StoreError? {
        if let failure = error as? PostgresFailure, failure.isShutdown {
            return StoreError(.unavailable, "PostgreSQL can't do it right now: \(failure.message)", hint: "try again")
        }
        guard let error = error as? StoreError, error.code == .unavailable else { return nil }
        return error
    }

    private func connection() async throws -> (PostgresConnection, isFresh: Bool) {
        if let connection = idle.withLock({ $0.popLast() }) { return (connection, false) }
        return (try await PostgresConnection.open(address, time: time), true)
    }
}

/// Lets so many in at once, the others wait in turn.
private final class AsyncRoom: Sendable {
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
