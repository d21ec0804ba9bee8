import Foundation
package import PipelineKit
import Synchronization

/// Permits in sliding windows, shared by every process on the same records.
package struct SQLRatePermits: RatePermits {
    private let records: any SQLDatabase
    private let clock: HostClock
    private let maximumWait: Duration
    private let learned = LearnedLimits()

    /// The permits of `store`.
    /// - Parameter maximumWait: Longer waits throw instead; zero means that nothing waits (`--no-wait`).
    package init(_ store: RecordStore, maximumWait: Duration) {
        records = store.records
        clock = store.clock
        self.maximumWait = maximumWait
    }

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        var waited = Duration.zero
        while true {
            let now = clock.now().timeIntervalSince1970
            let obstacle = try await StoreError.bridge("writing the rate limits failed") {
                try await records.write { [known = learned.permits(of: limit, at: now)] in
                    try Self.take(limit, known, $0)
                }
            }
            guard let obstacle else { return }
            guard waited + obstacle.wait <= maximumWait else { throw Self.error(limit, obstacle) }
            do {
                try await clock.sleep(obstacle.wait)
            } catch {
                throw .cancelled
            }
            waited += obstacle.wait
        }
    }

    package func granted(_ limit: RateLimit) async throws(StageError) { learned.forget(limit) }

    @discardableResult
    package func refused(_ limit: RateLimit, taken: Bool) async throws(StageError) -> TakenPermits {
        let window = limit.window.inSeconds
        let (moments, now) = try await StoreError.bridge("writing the rate limits failed") {
            try await records.write { connection in
                try Self.exclude(limit, connection)
                let now = try connection.now()
                if taken {
                    try connection.execute(
                        """
                        DELETE FROM permits WHERE id = (SELECT id FROM permits WHERE name = ? AND subject = ?
                            ORDER BY takenAt DESC, id DESC LIMIT 1)
                        """, [limit.name, limit.subject])
                }
                let rows = try connection.query(
                    """
                    SELECT takenAt FROM permits WHERE name = ? AND subject = ? AND takenAt > ? AND takenAt <= ?
                    ORDER BY takenAt
                    """, [limit.name, limit.subject, now - window, now])
                return (try rows.map { try $0.get("takenAt", as: Double.self) }, now)
            }
        }
        learned.note(limit, permits: moments.count, at: clock.now().timeIntervalSince1970)
        return TakenPermits(count: moments.count, nextFree: moments.first.map { .seconds($0 + window - now) })
    }

    /// What stands in the way of a call.
    private struct Obstacle: Sendable {
        var wait: Duration
        var permits: Int
        var isLearned: Bool
    }

    private static func error(_ limit: RateLimit, _ obstacle: Obstacle) -> StageError {
        let reached =
            obstacle.isLearned
            ? "TikTok lately refused more than \(obstacle.permits) \(limit.name) in \(limit.window.spoken) for this account"
            : "the limit of \(obstacle.permits) \(limit.name) calls in \(limit.window.spoken) is reached"
        return StageError(
            .limited, "\(reached); the next one is free in \(obstacle.wait.spoken)",
            hint: "run the same command again then", recovery: .permanent)
    }

    /// Takes a permit, or says how long until one is free.
    private static func take(
        _ limit: RateLimit, _ learned: Int?, _ connection: any SQLConnection
    ) throws -> Obstacle? {
        try exclude(limit, connection)
        let now = try connection.now()
        let window = limit.window.inSeconds
        try connection.execute(
            "DELETE FROM permits WHERE name = ? AND subject = ? AND (takenAt <= ? OR takenAt > ?)",
            [limit.name, limit.subject, now - window, now + window])
        let permits = min(limit.permits, learned ?? limit.permits)
        let taken = try connection.query(
            "SELECT takenAt FROM permits WHERE name = ? AND subject = ? ORDER BY takenAt DESC LIMIT ?",
            [limit.name, limit.subject, permits]
        ).map { try $0.get("takenAt", as: Double.self) }
        if taken.count >= permits, let oldest = taken.last {
            return Obstacle(
                wait: .seconds(max(0.05, oldest + window - now)), permits: permits,
                isLearned: permits < limit.permits)
        }
        try connection.execute(
            "INSERT INTO permits (name, subject, takenAt) VALUES (?, ?, ?)", [limit.name, limit.subject, now])
        return nil
    }

    /// Counting permits and taking one must not be parted by another process.
    private static func exclude(_ limit: RateLimit, _ connection: any SQLConnection) throws {
        try connection.exclude("permits:\(limit.name):\(limit.subject)")
    }
}

/// Limits that refusals have shown, for this process and for a while.
///
/// Not on disk: people make room in the app at any moment, and the next command is to find it.
private final class LearnedLimits: Sendable {
    private static let memory: TimeInterval = 600

    private struct Key: Hashable {
        var name: String
        var subject: String
    }

    private let state = Mutex<[Key: (permits: Int, at: Double)]>([:])

    /// Permits of a limit; nil when nothing is known.
    func permits(of limit: RateLimit, at now: Double) -> Int? {
        state.withLock { $0[Self.key(limit)] }.flatMap { now - $0.at < Self.memory ? $0.permits : nil }
    }

    /// Notes a limit. One of no permits tells of calls of others only, and of nothing that could be waited for.
    func note(_ limit: RateLimit, permits: Int, at now: Double) {
        state.withLock { $0[Self.key(limit)] = permits > 0 ? (permits, now) : nil }
    }

    /// Forgets a limit.
    func forget(_ limit: RateLimit) { state.withLock { $0[Self.key(limit)] = nil } }

    private static func key(_ limit: RateLimit) -> Key { Key(name: limit.name, subject: limit.subject) }
}
