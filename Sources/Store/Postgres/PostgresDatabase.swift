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
    private static let maximumTransactions = 4
    /// The maximum number of attempts after serialisation failures and deadlocks.
    private static let attempts = 8
    private static let firstReconnectDelay = Duration.milliseconds(100)

    private let address: Secret
    private let time: Time
    private let patience: Duration
    private let idle = Mutex<[PostgresConnection]>([])
    private let transactions = AsyncSemaphore(permits: PostgresDatabase.maximumTransactions)

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
        let connections = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        database.idle.withLock { $0 = connections }
        return database
    }

    /// The address without its password.
    package var name: String { Self.redacted(address.reveal()) }

    /// An address without passwords, for messages.
    package static func redacted(_ address: String) -> String {
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
                var best: ClockReading?
                // The fastest response is the most precise one; assume that it was made halfway.
                for _ in 0..<3 where best.map({ $0.roundTrip > .milliseconds(20) }) ?? true {
                    let start = ContinuousClock.now
                    let time = try connection.now()
                    let roundTrip = ContinuousClock.now - start
                    if best.map({ roundTrip < $0.roundTrip }) ?? true {
                        best = ClockReading(time: time, instant: start + roundTrip / 2, roundTrip: roundTrip)
                    }
                }
                return best
            }
        }
        guard let best else { return .system }
        return HostClock(
            now: { Date(timeIntervalSince1970: best.time + (ContinuousClock.now - best.instant).inSeconds) },
            sleep: HostClock.system.sleep)
    }

    /// The server's time as read at one instant.
    private struct ClockReading: Sendable {
        var time: Double
        var instant: ContinuousClock.Instant
        var roundTrip: Duration
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
            let task = Task { await listen(on: channel) { continuation.yield($0) } }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Reports the notifications on `channel` until the task is cancelled, and reconnects when the connection breaks.
    private func listen(on channel: String, report: (SQLNotice) -> Void) async {
        var delay = Self.firstReconnectDelay
        while !Task.isCancelled {
            do {
                let connection = try await subscribe(to: channel)
                report(.listening)
                delay = Self.firstReconnectDelay
                while !Task.isCancelled {
                    let payloads = try await connection.run { try $0.waitForNotices(milliseconds: 500) }
                    // Ignore the test notifications of other listeners.
                    if payloads.contains("") { report(.notified) }
                }
            } catch {
                // Callers poll, which reports the error. Reconnect until the server is back.
                report(.interrupted)
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(10))
            }
        }
    }

    /// Opens a connection that listens on `channel`.
    ///
    /// A transaction pooler accepts LISTEN but gives the connection to other clients, so that notifications never
    /// arrive. A notification from another connection tests this.
    private func subscribe(to channel: String) async throws -> PostgresConnection {
        let connection = try await PostgresConnection.open(address, time: time)
        _ = try await connection.run { try $0.execute("LISTEN \(channel)") }
        let token = UUID().uuidString
        _ = try await write { try $0.query("SELECT pg_notify(?, ?)", [channel, token]) }
        let isDelivered = try await connection.run { connection in
            for _ in 0..<25 where try connection.waitForNotices(milliseconds: 200).contains(token) { return true }
            return false
        }
        guard isDelivered else { throw StoreError(.unavailable, "notifications do not arrive") }
        return connection
    }

    // MARK: Connections

    /// A connection in use, and whether it was opened for this use.
    private struct Checkout {
        let connection: PostgresConnection
        let isNew: Bool
    }

    private func perform<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> Value
    ) async throws -> Value {
        try await transactions.withPermit { try await performRetrying(body) }
    }

    /// Runs `body` on a connection. Repeats it after serialisation failures and deadlocks, and, within the patience,
    /// while the server is unreachable.
    private func performRetrying<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws -> Value
    ) async throws -> Value {
        let deadline = ContinuousClock.now + patience
        var delay = Duration.milliseconds(50)
        var attempt = 1
        while true {
            var used: Checkout?
            do {
                let checkout = try await checkOut()
                used = checkout
                let value = try await checkout.connection.run(body)
                checkIn(checkout)
                return value
            } catch let failure as PostgresFailure where failure.isTransient && attempt < Self.attempts {
                if let used { checkIn(used) }
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(10 * attempt))))
            } catch {
                guard let outage = Self.outage(error) else {
                    if let used, used.connection.isAlive { checkIn(used) }
                    throw error
                }
                // The other idle connections have broken too.
                idle.withLock { $0.removeAll() }
                if let used {
                    // After the first statement the transaction may have been committed: only the caller can find out.
                    if await used.connection.hasBegun() { throw outage }
                    if !used.isNew { continue }
                }
                guard ContinuousClock.now + delay < deadline else { throw outage }
                try await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(1))
            }
        }
    }

    /// The error to report for a temporarily unavailable server; nil for other errors.
    private static func outage(_ error: any Error) -> StoreError? {
        if let failure = error as? PostgresFailure, failure.isShutdown {
            return StoreError(.unavailable, "PostgreSQL is unavailable for now: \(failure.message)", hint: "try again")
        }
        guard let error = error as? StoreError, error.code == .unavailable else { return nil }
        return error
    }

    private func checkOut() async throws -> Checkout {
        if let connection = idle.withLock({ $0.popLast() }) { return Checkout(connection: connection, isNew: false) }
        return Checkout(connection: try await PostgresConnection.open(address, time: time), isNew: true)
    }

    private func checkIn(_ checkout: Checkout) { idle.withLock { $0.append(checkout.connection) } }
}
