import Foundation
package import PipelineKit
import Synchronization

/// Rate limits with sliding windows, shared by all processes on the same records.
package struct SQLRatePermits: RatePermits {
    private let records: any SQLDatabase
    private let clock: HostClock
    private let maximumWait: Duration
    private let learned = LearnedLimits()

    /// - Parameter maximumWait: `acquire` throws instead of a longer wait; zero never waits (`--no-wait`).
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
                    try Self.takePermit(limit, learned: known, $0)
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
        let (times, now) = try await StoreError.bridge("writing the rate limits failed") {
            try await records.write { connection in
                try Self.lock(limit, connection)
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
        learned.note(limit, permits: times.count, at: clock.now().timeIntervalSince1970)
        return TakenPermits(count: times.count, nextFree: times.first.map { .seconds($0 + window - now) })
    }

    /// Why a call has to wait, and for how long.
    private struct Obstacle: Sendable {
        var wait: Duration
        var permits: Int
        var isLearned: Bool
    }

    private static func error(_ limit: RateLimit, _ obstacle: Obstacle) -> StageError {
        let reached =
            obstacle.isLearned
            ? "TikTok recently refused more than \(obstacle.permits) \(limit.name) in \(limit.window.spoken) for this account"
            : "the limit for \(limit.name) (\(obstacle.permits) in \(limit.window.spoken)) is reached"
        return StageError(
            .limited, "\(reached); the next one is possible in \(obstacle.wait.spoken)",
            hint: "run the same command again then", recovery: .permanent)
    }

    /// Takes a permit, or returns how long to wait for one.
    /// - Parameter learned: The learned number of permits; nil when nothing was learned.
    private static func takePermit(
        _ limit: RateLimit, learned: Int?, _ connection: any SQLConnection
    ) throws -> Obstacle? {
        try lock(limit, connection)
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

    /// Locks the limit, so that no other process takes a permit between the count and the insert.
    private static func lock(_ limit: RateLimit, _ connection: any SQLConnection) throws {
        try connection.lock("permits:\(limit.name):\(limit.subject)")
    }
}

/// Limits learned from refused calls, in this process only and for ten minutes.
///
/// They are not stored: the user can make room in the app at any time, and the next command should notice.
private final class LearnedLimits: Sendable {
    private static let memory: TimeInterval = 600

    private struct Key: Hashable {
        var name: String
        var subject: String
    }

    private let state = Mutex<[Key: (permits: Int, at: Double)]>([:])

    /// The learned number of permits; nil when nothing was learned recently.
    func permits(of limit: RateLimit, at now: Double) -> Int? {
        state.withLock { $0[Self.key(limit)] }.flatMap { now - $0.at < Self.memory ? $0.permits : nil }
    }

    /// Records a limit. If no permits were taken here, other apps caused the refusal, and no wait can be computed.
    func note(_ limit: RateLimit, permits: Int, at now: Double) {
        state.withLock { $0[Self.key(limit)] = permits > 0 ? (permits, now) : nil }
    }

    func forget(_ limit: RateLimit) { state.withLock { $0[Self.key(limit)] = nil } }

    private static func key(_ limit: RateLimit) -> Key { Key(name: limit.name, subject: limit.subject) }
}
