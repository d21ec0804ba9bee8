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
    private let idle = Mutex<[PostgresConnection]>([])
    private let room = AsyncRoom(PostgresDatabase.width)

    /// A database by its address, `postgres://user:password@host:port/name`. Connects when it is first used.
    package init(_ address: Secret, time: Time = .database) {
        self.address = address
        self.time = time
    }

    package var dialect: SQLDialect { .postgresql }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await transact(isReadOnly: true, body) }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await transact(isReadOnly: false, body) }

    package func notices(on channel: String) -> AsyncStream<Void>? {
        AsyncStream { continuation in
            let task = Task { [address, time] in
                var pause = Duration.milliseconds(100)
                while !Task.isCancelled {
                    do {
                        let connection = try await PostgresConnection.open(address, time: time)
                        _ = try await connection.run { try $0.execute("LISTEN \(channel)", []) }
                        // What came before is found by looking.
                        continuation.yield()
                        pause = .milliseconds(100)
                        while !Task.isCancelled {
                            if try await connection.run({ try $0.waitForNotice(milliseconds: 500) }) {
                                continuation.yield()
                            }
                        }
                    } catch {
                        // The server is away; polling tells that, and this goes on when it is back.
                        try? await Task.sleep(for: pause)
                        pause = min(pause * 2, .seconds(10))
                    }
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func transact<Value: Sendable>(
        isReadOnly: Bool, _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await room.enter()
        defer { room.leave() }
        var attempt = 1
        while true {
            let (connection, isFresh) = try await connection()
            do {
                let value = try await connection.run { try $0.transaction(isReadOnly: isReadOnly, body) }
                idle.withLock { $0.append(connection) }
                return value
            } catch let failure as PostgresFailure where failure.isTransient && attempt < Self.attempts {
                idle.withLock { $0.append(connection) }
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(10 * attempt))))
            } catch let failure as PostgresFailure where failure.isShutdown {
                throw StoreError(.unavailable, "PostgreSQL is restarting: \(failure.message)", hint: "try again")
            } catch let error as StoreError where error.code == .unavailable {
                // An idle connection may have died meanwhile: then its BEGIN failed, and nothing was done. One that
                // broke later may have committed, which only the caller can find out.
                guard !isFresh, attempt == 1, await !connection.hasBegun() else { throw error }
                attempt += 1
            } catch {
                if connection.isAlive { idle.withLock { $0.append(connection) } }
                throw error
            }
        }
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
