import Foundation
import GRDB
package import PipelineKit

/// Permits in sliding windows, shared by every process on the same file.
package struct SQLiteRatePermits: RatePermits {
    private let records: DatabasePool
    private let clock: HostClock
    private let maximumWait: Duration

    /// The permits of `store`.
    /// - Parameter maximumWait: Longer waits throw instead; zero means that nothing waits (`--no-wait`).
    package init(_ store: SQLiteStore, clock: HostClock, maximumWait: Duration) {
        records = store.records
        self.clock = clock
        self.maximumWait = maximumWait
    }

    package func acquire(_ limit: RateLimit) async throws(StageError) {
        var waited = Duration.zero
        while true {
            let now = clock.now().timeIntervalSince1970
            let wait = try await StoreError.bridge("writing the rate limits failed") {
                try await records.write { try Self.take(limit, now, $0) }
            }
            guard let wait else { return }
            guard waited + wait <= maximumWait else {
                throw StageError(
                    .limited,
                    "the limit of \(limit.permits) \(limit.name) calls in \(limit.window.spoken) is reached; the next one is free in \(wait.spoken)",
                    hint: "run the same command again then", recovery: .permanent)
            }
            do {
                try await clock.sleep(wait)
            } catch {
                throw .cancelled
            }
            waited += wait
        }
    }

    /// Takes a permit, or says how long until one is free.
    private static func take(_ limit: RateLimit, _ now: Double, _ database: Database) throws -> Duration? {
        let window = limit.window.inSeconds
        try database.execute(
            sql: "DELETE FROM permits WHERE name = ? AND subject = ? AND (takenAt <= ? OR takenAt > ?)",
            arguments: [limit.name, limit.subject, now - window, now + window])
        let taken = try Double.fetchAll(
            database, sql: "SELECT takenAt FROM permits WHERE name = ? AND subject = ? ORDER BY takenAt DESC LIMIT ?",
            arguments: [limit.name, limit.subject, limit.permits])
        if taken.count >= limit.permits, let oldest = taken.last {
            return .seconds(max(0.05, oldest + window - now))
        }
        try database.execute(
            sql: "INSERT INTO permits (name, subject, takenAt) VALUES (?, ?, ?)",
            arguments: [limit.name, limit.subject, now])
        return nil
    }
}
