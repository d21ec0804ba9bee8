package import Foundation
package import PipelineKit

/// A job queue in SQLite or PostgreSQL. Workers claim jobs under leases.
///
/// All times are the database's. Every write of a worker includes the number of its lease; if another worker has
/// claimed the job since, the write has no effect and the call reports the loss.
package struct JobQueue: Sendable {
    /// The notification channel for changes of the queue.
    package static let channel = "spreader_jobs"
    /// The states that a claim considers.
    static let waiting = "state IN ('available', 'scheduled', 'retryable')"
    /// The states in which a job keeps its unique key.
    static let unfinished = "state NOT IN ('completed', 'discarded', 'cancelled')"

    let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    package init(_ store: RecordStore) { database = store.durable }

    /// Notifications of changes of the queue; nil when the database has none.
    package var notices: AsyncStream<SQLNotice>? { database.notices(on: Self.channel) }

    // MARK: Inserting

    /// Inserts jobs in one transaction.
    /// - Returns: Each job, and whether it is new: a key that an unfinished job already has returns that job.
    /// - Throws: `StageError` when the database can't be written.
    package func insert(_ jobs: [NewJob]) async throws(StageError) -> [(job: Job, isNew: Bool)] {
        try await bridge("writing jobs failed") {
            try await database.write { connection in
                let now = try connection.now()
                let inserted = try jobs.map { try Self.insert($0, at: now, connection) }
                try connection.notify(Self.channel)
                return inserted
            }
        }
    }

    static func insert(
        _ job: NewJob, at now: Double, _ connection: any SQLConnection
    ) throws -> (job: Job, isNew: Bool) {
        let start = max(now, job.scheduledAt?.timeIntervalSince1970 ?? now)
        let state = start > now ? JobState.scheduled : .available
        let rows = try connection.query(
            """
            INSERT INTO jobs (pipeline, name, asset, directory, options, account, queue, priority, attempt, maxAttempts,
                state, uniqueKey, labels, insertedAt, scheduledAt, lease, footage, needs)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, ?, '')
            ON CONFLICT (uniqueKey) WHERE \(unfinished) DO NOTHING
            RETURNING *
            """,
            [
                job.pipeline, job.name, job.asset, job.directory, try JSONText.encode(job.options), job.account,
                job.queue, job.priority, job.maxAttempts, state.rawValue, job.uniqueKey, JobLabels.text(job.labels),
                now, start, try job.footage.map(JSONText.encode),
            ])
        if let row = rows.first { return (try Job(row), true) }
        let existing = try connection.query(
            "SELECT * FROM jobs WHERE uniqueKey = ? AND \(unfinished)", [job.uniqueKey])
        guard let row = existing.first else { throw StoreError(.failed, "a job was neither inserted nor found") }
        return (try Job(row), false)
    }

    // MARK: Working

    /// Claims jobs that are due, by priority and then by start time.
    /// - Parameters:
    ///   - worker: The name of the worker.
    ///   - queues: The queues to claim from; empty for all.
    ///   - offeredLabels: The labels that the worker offers; jobs that require others are skipped.
    ///   - duration: How long the lease lasts without a heartbeat.
    /// - Throws: `StageError` when the database can't be written.
    package func claim(
        _ count: Int, worker: String, queues: Set<String> = [], offering offeredLabels: Set<String> = [],
        lease duration: Duration
    ) async throws(StageError) -> [JobLease] {
        let claimedAt = ContinuousClock.now
        let claim = JobClaim(worker: worker, queues: queues, offeredLabels: offeredLabels, leaseDuration: duration)
        var leases = try await bridge("claiming jobs failed") {
            try await database.write { try claim.leaseJobs(atMost: count, $0) }
        }
        for index in leases.indices { leases[index].claimedAt = claimedAt }
        return leases
    }

    /// Extends a lease and records progress.
    /// - Returns: False when the lease is lost: stop at once.
    /// - Throws: `StageError` when the database can't be written.
    package func heartbeat(
        _ lease: JobLease, extending duration: Duration, stage: String? = nil, progress: Double? = nil,
        runID: String? = nil
    ) async throws(StageError) -> Bool {
        try await bridge("renewing the lease of a job failed") {
            try await database.write { connection in
                let end = try connection.now() + duration.inSeconds
                return try connection.execute(
                    """
                    UPDATE jobs SET leaseUntil = ?, stage = ?, progress = ?, runID = coalesce(?, runID)
                    WHERE id = ? AND lease = ? AND state = 'executing'
                    """, [end, stage, progress, runID, lease.job.id, lease.number]) == 1
            }
        }
    }

    /// Ends an attempt and releases the lease.
    /// - Parameters:
    ///   - random: From 0 to 1, for the jitter of the backoff.
    ///   - runID: The run that worked on the job.
    /// - Returns: The updated job; nil when the lease was lost and nothing was written.
    /// - Throws: `StageError` when the database can't be written.
    package func end(
        _ lease: JobLease, _ outcome: JobOutcome, random: Double, runID: String? = nil
    ) async throws(StageError) -> Job? {
        try await bridge("writing the result of a job failed") {
            try await database.write { connection in
                let update = JobUpdate(outcome, of: lease.job, at: try connection.now(), random: random)
                let rows = try connection.query(
                    """
                    UPDATE jobs SET state = ?, scheduledAt = ?, finishedAt = ?, message = ?, attempt = ?, needs = ?,
                        runID = coalesce(?, runID),
                        leaseUntil = NULL, stage = CASE WHEN ? = 'completed' THEN NULL ELSE stage END, progress = NULL
                    WHERE id = ? AND lease = ? AND state = 'executing' RETURNING *
                    """,
                    [
                        update.state.rawValue, update.scheduledAt, update.finishedAt, update.message, update.attempt,
                        JobLabels.text(update.needs), runID, update.state.rawValue, lease.job.id, lease.number,
                    ])
                // A slot may be free now, or the job may be waiting for another worker.
                try connection.notify(Self.channel)
                return try rows.first.map(Job.init)
            }
        }
    }

    /// Takes jobs back from workers whose lease has expired.
    ///
    /// The jobs are retried. The post ledger knows what was already sent and decides what may be repeated.
    /// - Returns: The jobs that were taken back.
    /// - Throws: `StageError` when the database can't be written.
    package func rescue() async throws(StageError) -> [Job] {
        try await bridge("rescuing jobs failed") {
            try await database.write { connection in
                let now = try connection.now()
                let rescued = try connection.query(
                    """
                    UPDATE jobs SET lease = lease + 1, leaseUntil = NULL, scheduledAt = ?, progress = NULL,
                        state = CASE WHEN attempt >= maxAttempts THEN 'discarded' ELSE 'retryable' END,
                        finishedAt = CASE WHEN attempt >= maxAttempts THEN ? ELSE NULL END,
                        message = 'the worker ' || coalesce(worker, '') || ' was lost'
                    WHERE id IN (SELECT id FROM jobs WHERE state = 'executing' AND leaseUntil < ?
                        \(connection.dialect.skippingLocked)) RETURNING *
                    """, [now, now, now]
                ).map(Job.init)
                if !rescued.isEmpty { try connection.notify(Self.channel) }
                return rescued
            }
        }
    }

    /// Returns the number of jobs running in some queues; an empty set means all queues.
    /// - Throws: `StageError` when the database can't be read.
    package func runningJobs(in queues: Set<String>) async throws(StageError) -> Int {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                var conditions = SQLConditions()
                conditions.require("state = 'executing'")
                if !queues.isEmpty { conditions.require("queue", in: queues.sorted()) }
                return try connection.query(
                    "SELECT count(*) AS jobs FROM jobs WHERE \(conditions.sql)", conditions.arguments
                ).first?.get("jobs") ?? 0
            }
        }
    }

    /// Returns the database's time.
    /// - Throws: `StageError` when the database can't be read.
    package func now() async throws(StageError) -> Date {
        try await bridge("reading the database's time failed") {
            try await database.read { Date(timeIntervalSince1970: try $0.now()) }
        }
    }

    /// Returns the time until the next job is due, zero or less when one is due now; nil when none waits.
    /// - Throws: `StageError` when the database can't be read.
    package func timeUntilNextJob() async throws(StageError) -> Duration? {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let now = connection.nowExpression
                let rows = try connection.query(
                    "SELECT min(scheduledAt) - \(now.sql) AS pause FROM jobs WHERE \(Self.waiting)", now.arguments)
                return try rows.first.flatMap { try $0.get("pause", as: Double?.self) }.map { .seconds($0) }
            }
        }
    }

    func bridge<Value: Sendable>(
        _ what: String, _ body: () async throws -> Value
    ) async throws(StageError) -> Value { try await StoreError.bridge(what, body) }
}
