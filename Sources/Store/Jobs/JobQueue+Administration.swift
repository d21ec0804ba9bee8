package import Foundation
package import PipelineKit

/// What users do with jobs, and what maintains the queue.
extension JobQueue {
    /// Returns jobs, newest first.
    /// - Parameters:
    ///   - states: The states to include; empty for all.
    ///   - queue: The queue to include; nil for all.
    /// - Throws: `StageError` when the database can't be read.
    package func jobs(
        states: Set<JobState> = [], queue: String? = nil, limit: Int
    ) async throws(StageError) -> [Job] {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                var conditions = SQLConditions()
                if !states.isEmpty { conditions.require("state", in: states.map(\.rawValue).sorted()) }
                if let queue { conditions.require("queue = ?", [queue]) }
                return try connection.query(
                    "SELECT * FROM jobs WHERE \(conditions.sql) ORDER BY id DESC LIMIT ?",
                    conditions.arguments + [limit]
                ).map(Job.init)
            }
        }
    }

    /// Returns one job; nil when it doesn't exist.
    /// - Throws: `StageError` when the database can't be read.
    package func job(_ id: Int64) async throws(StageError) -> Job? {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                try connection.query("SELECT * FROM jobs WHERE id = ?", [id]).first.map(Job.init)
            }
        }
    }

    /// Returns the number of jobs in each state.
    /// - Throws: `StageError` when the database can't be read.
    package func counts() async throws(StageError) -> [JobState: Int] {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let rows = try connection.query("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
                return try rows.reduce(into: [:]) { counts, row in
                    guard let state = JobState(rawValue: try row.get("state")) else { return }
                    counts[state] = try row.get("jobs")
                }
            }
        }
    }

    /// Cancels a job. A worker that is running it notices at its next heartbeat and stops.
    /// - Returns: The job; nil when it is completed, already cancelled or missing.
    /// - Throws: `StageError` when the database can't be written.
    package func cancel(_ id: Int64) async throws(StageError) -> Job? {
        try await bridge("cancelling a job failed") {
            try await database.write { connection in
                let now = try connection.now()
                return try connection.query(
                    """
                    UPDATE jobs SET state = 'cancelled', lease = lease + 1, leaseUntil = NULL, finishedAt = ?,
                        progress = NULL, message = 'cancelled'
                    WHERE id = ? AND state NOT IN ('completed', 'cancelled') RETURNING *
                    """, [now, id]
                ).first.map(Job.init)
            }
        }
    }

    /// Retries a job immediately, unless it is running or completed.
    /// - Parameters:
    ///   - options: New command-line options; nil to keep them.
    ///   - priority: A new priority; nil to keep it.
    /// - Returns: The job; nil when it is running, completed or missing.
    /// - Throws: `StageError` when the database can't be written, or another unfinished job has the same key.
    package func retry(
        _ id: Int64, options: [String]? = nil, priority: Int? = nil
    ) async throws(StageError) -> Job? {
        try await bridge("retrying a job failed") {
            let options = try options.map { try JSONText.encode($0) }
            return try await database.write { connection in
                let now = try connection.now()
                let twin = try connection.query(
                    """
                    SELECT twin.id FROM jobs JOIN jobs AS twin ON twin.uniqueKey = jobs.uniqueKey AND twin.id <> jobs.id
                    WHERE jobs.id = ? AND twin.state NOT IN ('completed', 'discarded', 'cancelled')
                    """, [id])
                if let twin = try twin.first?.get("id", as: Int64.self) {
                    throw StageError(
                        .busy, "job \(twin) has the same key and is not finished",
                        hint: "see: spreader-pipeline jobs show \(twin)", recovery: .permanent)
                }
                let rows = try connection.query(
                    """
                    UPDATE jobs SET state = 'available', scheduledAt = ?, finishedAt = NULL, progress = NULL,
                        maxAttempts = CASE WHEN attempt >= maxAttempts THEN attempt + 1 ELSE maxAttempts END,
                        needs = '',
                        options = coalesce(?, options), priority = coalesce(?, priority)
                    WHERE id = ? AND state NOT IN ('executing', 'completed') RETURNING *
                    """, [now, options, priority, id])
                try connection.notify(Self.channel)
                return try rows.first.map(Job.init)
            }
        }
    }

    /// Deletes jobs that ended more than `age` ago; unconfirmed ones stay.
    /// - Returns: The number of deleted jobs.
    /// - Throws: `StageError` when the database can't be written.
    package func prune(olderThan age: Duration) async throws(StageError) -> Int {
        try await bridge("pruning jobs failed") {
            try await database.write { connection in
                let now = try connection.now()
                let before = now - age.inSeconds
                // Ticks of the last day are still needed: a missed tick may run late.
                try connection.execute("DELETE FROM jobTicks WHERE tick < ?", [min(before, now - 86_400)])
                return try connection.execute(
                    "DELETE FROM jobs WHERE state IN ('completed', 'discarded', 'cancelled') AND finishedAt < ?",
                    [before])
            }
        }
    }

    /// Returns the digests of the footage of jobs that may still run.
    /// - Throws: `StageError` when the database can't be read.
    package func neededFootage() async throws(StageError) -> Set<String> {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let rows = try connection.query(
                    """
                    SELECT * FROM jobs WHERE footage IS NOT NULL AND state NOT IN ('completed', 'cancelled')
                    """)
                return Set(try rows.flatMap { try Job($0).work.footage?.files.map(\.digest) ?? [] })
            }
        }
    }

    /// Inserts the jobs of a cron tick, unless another worker has already done so.
    /// - Returns: The new jobs; nil when another worker handled the tick.
    /// - Throws: `StageError` when the database can't be written.
    package func tick(
        _ name: String, at date: Date, jobs: [NewJob]
    ) async throws(StageError) -> [Job]? {
        try await bridge("writing a tick failed") {
            try await database.write { connection in
                // By name only: when clocks are put back, an hour has one name but two times.
                try connection.lock("tick:\(name)")
                let isOurs =
                    try connection.execute(
                        """
                        INSERT INTO jobTicks (name, tick) SELECT ?, ?
                        WHERE NOT EXISTS (SELECT 1 FROM jobTicks WHERE name = ?)
                        ON CONFLICT (name, tick) DO NOTHING
                        """, [name, date, name]) == 1
                guard isOurs else { return nil }
                let now = try connection.now()
                let inserted = try jobs.map { try Self.insert($0, at: now, connection) }.filter(\.isNew).map(\.job)
                try connection.notify(Self.channel)
                return inserted
            }
        }
    }
}
