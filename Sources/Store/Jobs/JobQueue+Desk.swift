package import Foundation
package import PipelineKit

/// Commands of users on jobs, cron ticks and pruning.
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
                var conditions = ["1 = 1"]
                var arguments: [any SQLConvertible] = []
                if !states.isEmpty {
                    conditions.append("state IN (\(states.map { _ in "?" }.joined(separator: ", ")))")
                    arguments += states.map(\.rawValue).sorted() as [any SQLConvertible]
                }
                if let queue {
                    conditions.append("queue = ?")
                    arguments.append(queue)
                }
                return try connection.query(
                    "SELECT * FROM jobs WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?",
                    arguments + [limit]
                ).map(Self.job)
            }
        }
    }

    /// Returns one job; nil when it doesn't exist.
    /// - Throws: `StageError` when the database can't be read.
    package func job(_ id: Int64) async throws(StageError) -> Job? {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                try connection.query("SELECT * FROM jobs WHERE id = ?", [id]).first.map(Self.job)
            }
        }
    }

    /// Returns the number of jobs in each state.
    /// - Throws: `StageError` when the database can't be read.
    package func counts() async throws(StageError) -> [JobState: Int] {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let rows = try connection.query("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
                let pairs = try rows.compactMap { row in
                    JobState(rawValue: try row.get("state")).map { ($0, try? row.get("jobs", as: Int.self)) }
                }
                return Dictionary(uniqueKeysWithValues: pairs.map { ($0, $1 ?? 0) })
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
                ).first.map(Self.job)
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
            let text = try options.map { try Self.text($0) }
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
                    """, [now, text, priority, id])
                try connection.notify(Self.channel)
                return try rows.first.map(Self.job)
            }
        }
    }

    /// Limits how many jobs of a queue or an account run at once, over all workers.
    /// - Parameter capacity: 0 starts no jobs; nil removes the limit.
    /// - Throws: `StageError` when the database can't be written.
    package func limit(
        queue: String? = nil, account: String? = nil, to capacity: Int?
    ) async throws(StageError) {
        try await write(kind: account == nil ? "queue" : "account", queue, account, to: capacity)
    }

    /// Pauses or resumes a queue. A paused queue starts no jobs and keeps its limit.
    /// - Throws: `StageError` when the database can't be written.
    package func pause(_ queue: String, _ isPaused: Bool) async throws(StageError) {
        try await write(kind: "pause", queue, nil, to: isPaused ? 0 : nil)
    }

    private func write(
        kind: String, _ queue: String?, _ account: String?, to capacity: Int?
    ) async throws(StageError) {
        let name = account ?? queue ?? "default"
        try await bridge("writing limits of jobs failed") {
            try await database.write { connection in
                if let capacity {
                    try connection.execute(
                        """
                        INSERT INTO jobLimits (kind, name, capacity) VALUES (?, ?, ?)
                        ON CONFLICT (kind, name) DO UPDATE SET capacity = excluded.capacity
                        """, [kind, name, capacity])
                } else {
                    try connection.execute("DELETE FROM jobLimits WHERE kind = ? AND name = ?", [kind, name])
                }
                try connection.notify(Self.channel)
            }
        }
    }

    /// Returns the limits: kind (`queue`, `account` or `pause`), name, jobs at once.
    /// - Throws: `StageError` when the database can't be read.
    package func limits() async throws(StageError) -> [(kind: String, name: String, capacity: Int)] {
        try await bridge("reading limits of jobs failed") {
            try await database.read { try Self.limits($0).map { ($0.kind, $0.name, $0.capacity) } }
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
    package func wantedFootage() async throws(StageError) -> Set<String> {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let rows = try connection.query(
                    """
                    SELECT * FROM jobs WHERE footage IS NOT NULL AND state NOT IN ('completed', 'cancelled')
                    """)
                return Set(try rows.flatMap { try Self.job($0).work.footage?.files.map(\.digest) ?? [] })
            }
        }
    }

    /// Inserts the jobs of a cron tick, unless another worker has already done so.
    /// - Returns: The new jobs; nil when another worker handled the tick.
    /// - Throws: `StageError` when the database can't be written.
    package func tick(
        _ name: String, at moment: Date, jobs: [NewJob]
    ) async throws(StageError) -> [Job]? {
        try await bridge("writing a tick failed") {
            try await database.write { connection in
                // By name only: when clocks are put back, an hour has one name but two times.
                try connection.exclude("tick:\(name)")
                let isOurs =
                    try connection.execute(
                        """
                        INSERT INTO jobTicks (name, tick) SELECT ?, ?
                        WHERE NOT EXISTS (SELECT 1 FROM jobTicks WHERE name = ?)
                        ON CONFLICT (name, tick) DO NOTHING
                        """, [name, moment, name]) == 1
                guard isOurs else { return nil }
                let now = try connection.now()
                let made = try jobs.compactMap { job -> Job? in
                    let (made, isNew) = try Self.insert(job, now, connection)
                    return isNew ? made : nil
                }
                try connection.notify(Self.channel)
                return made
            }
        }
    }
}
