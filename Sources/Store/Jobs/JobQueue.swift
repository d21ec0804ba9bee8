package import Foundation
package import PipelineKit

/// Jobs in a database: made, claimed under leases, ended. The same on SQLite and PostgreSQL.
///
/// Every time is the database's own. A worker holds a job by a lease; whatever it writes afterwards names the lease's
/// number, and when that is not the job's any more, the job is lost and nothing was written.
package struct JobQueue: Sendable {
    /// Whom new jobs are told to.
    package static let channel = "spreader_jobs"
    /// The states that a claim looks at.
    static let waiting = "state IN ('available', 'scheduled', 'retryable')"

    let database: any SQLDatabase

    /// The jobs of a database.
    package init(_ database: any SQLDatabase) { self.database = database }

    /// The jobs of a store.
    package init(_ store: RecordStore) { database = store.durable }

    /// What the database tells of jobs that have come, where it can.
    package var notices: AsyncStream<SQLNotice>? { database.notices(on: Self.channel) }

    // MARK: Making

    /// Puts jobs into the queue, all of them or none.
    /// - Returns: Each job with whether it is new; one whose key an unfinished job has already is that job.
    /// - Throws: `StageError` when the database can't be written.
    package func insert(_ jobs: [NewJob]) async throws(StageError) -> [(job: Job, isNew: Bool)] {
        try await bridge("writing jobs failed") {
            try await database.write { connection in
                let now = try connection.now()
                let made = try jobs.map { try Self.insert($0, now, connection) }
                try connection.notify(Self.channel)
                return made
            }
        }
    }

    static func insert(_ job: NewJob, _ now: Double, _ connection: any SQLConnection) throws -> (Job, Bool) {
        let start = max(now, job.scheduledAt?.timeIntervalSince1970 ?? now)
        let rows = try connection.query(
            """
            INSERT INTO jobs (pipeline, name, asset, directory, options, account, queue, priority, attempt, maxAttempts,
                state, uniqueKey, labels, insertedAt, scheduledAt, lease, footage, needs)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, 0, ?, '')
            ON CONFLICT (uniqueKey) WHERE state NOT IN ('completed', 'discarded', 'cancelled') DO NOTHING
            RETURNING *
            """,
            [
                job.pipeline, job.name, job.asset, job.directory, try Self.text(job.options), job.account, job.queue,
                job.priority, job.maxAttempts,
                (start > now ? JobState.scheduled : .available).rawValue, job.uniqueKey, Self.text(labels: job.labels),
                now, start,
                try job.footage.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) },
            ])
        if let row = rows.first { return (try Self.job(row), true) }
        let existing = try connection.query(
            "SELECT * FROM jobs WHERE uniqueKey = ? AND state NOT IN ('completed', 'discarded', 'cancelled')",
            [job.uniqueKey])
        guard let row = existing.first else { throw StoreError(.failed, "a job was neither made nor there") }
        return (try Self.job(row), false)
    }

    // MARK: Working

    /// Takes jobs that may begin: smaller priorities first, then those that have waited longest.
    /// - Parameters:
    ///   - worker: Who takes them.
    ///   - queues: Only jobs of these; of all when empty.
    ///   - offered: Labels that the worker offers; jobs that need others are left to others.
    ///   - lease: How long they are held without a heartbeat.
    /// - Throws: `StageError` when the database can't be written.
    package func claim(
        _ count: Int, worker: String, queues: Set<String> = [], offering offered: Set<String> = [], lease: Duration
    ) async throws(StageError) -> [JobLease] {
        let claimedAt = ContinuousClock.now
        return try await bridge("claiming jobs failed") {
            try await database.write { connection in
                let limits = try Self.limits(connection)
                // Counting what runs and taking more must not be parted by another worker.
                if limits.contains(where: { $0.capacity > 0 }) { try connection.exclude("jobs") }
                var taken: [JobLease] = []
                // With capacities, each job taken may be the last one that its account or queue has room for.
                let step = limits.isEmpty ? count : 1
                while taken.count < count {
                    let leases = try Self.claim(
                        min(step, count - taken.count), worker, queues, offered, lease, limits, connection)
                    guard !leases.isEmpty else { break }
                    taken += leases.map { lease in
                        var lease = lease
                        lease.claimedAt = claimedAt
                        return lease
                    }
                }
                return taken
            }
        }
    }

    /// Keeps a job, and notes how far it has come.
    /// - Returns: False when the job is lost: stop at once.
    /// - Throws: `StageError` when the database can't be written.
    package func heartbeat(
        _ held: JobLease, extending lease: Duration, stage: String? = nil, progress: Double? = nil,
        runID: String? = nil
    ) async throws(StageError) -> Bool {
        try await bridge("keeping a job failed") {
            try await database.write { connection in
                let end = try connection.now() + lease.inSeconds
                return try connection.execute(
                    """
                    UPDATE jobs SET leaseUntil = ?, stage = ?, progress = ?, runID = coalesce(?, runID)
                    WHERE id = ? AND lease = ? AND state = 'executing'
                    """, [end, stage, progress, runID, held.job.id, held.number]) == 1
            }
        }
    }

    /// Ends an attempt.
    /// - Parameters:
    ///   - random: From 0 to 1, for the back-off's jitter.
    ///   - runID: The run that worked on it.
    /// - Returns: The job as it stands now; nil when it was lost, and nothing was written.
    /// - Throws: `StageError` when the database can't be written.
    package func end(
        _ held: JobLease, _ outcome: JobOutcome, random: Double, runID: String? = nil
    ) async throws(StageError) -> Job? {
        try await bridge("ending a job failed") {
            try await database.write { connection in
                let now = try connection.now()
                let change = Change(outcome, held.job, now, random)
                let rows = try connection.query(
                    """
                    UPDATE jobs SET state = ?, scheduledAt = ?, finishedAt = ?, message = ?, attempt = ?, needs = ?,
                        runID = coalesce(?, runID),
                        leaseUntil = NULL, stage = CASE WHEN ? = 'completed' THEN NULL ELSE stage END, progress = NULL
                    WHERE id = ? AND lease = ? AND state = 'executing' RETURNING *
                    """,
                    [
                        change.state.rawValue, change.scheduledAt, change.finishedAt, change.message, change.attempt,
                        Self.text(labels: change.needs), runID, change.state.rawValue, held.job.id, held.number,
                    ])
                // There may be room for another one now, or this one is for others.
                try connection.notify(Self.channel)
                return try rows.first.map(Self.job)
            }
        }
    }

    /// Takes jobs back whose worker has been silent for longer than its lease.
    ///
    /// They are tried again: what had been sent by then is in the post ledger, which decides what may be repeated.
    /// - Returns: The jobs.
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
                ).map(Self.job)
                if !rescued.isEmpty { try connection.notify(Self.channel) }
                return rescued
            }
        }
    }

    /// How many jobs of some queues are being worked on.
    /// - Throws: `StageError` when the database can't be read.
    package func unended(queues: Set<String>) async throws(StageError) -> Int {
        try await bridge("reading jobs failed") {
            try await database.read { connection in
                let names = queues.sorted()
                let among = names.isEmpty ? "" : "AND queue IN (\(names.map { _ in "?" }.joined(separator: ", ")))"
                return try connection.query(
                    "SELECT count(*) AS jobs FROM jobs WHERE state = 'executing' \(among)",
                    names as [any SQLConvertible]
                ).first?.get("jobs") ?? 0
            }
        }
    }

    /// The database's time.
    /// - Throws: `StageError` when it can't be asked.
    package func now() async throws(StageError) -> Date {
        try await bridge("asking the time failed") {
            try await database.read { Date(timeIntervalSince1970: try $0.now()) }
        }
    }

    /// How long until a job may begin, not more than zero when one may now; nil when none waits. One query.
    /// - Throws: `StageError` when the database can't be read.
    package func nextMoment() async throws(StageError) -> Duration? {
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

/// What an outcome makes of a job.
private struct Change {
    var state: JobState
    var scheduledAt: Double
    var finishedAt: Double?
    var message: String?
    var attempt: Int
    var needs: [String]

    init(_ outcome: JobOutcome, _ job: Job, _ now: Double, _ random: Double) {
        scheduledAt = job.scheduledAt.timeIntervalSince1970
        attempt = job.attempt
        finishedAt = nil
        message = nil
        // What a stage asked for goes on being asked for: the stage is still to be done.
        needs = job.needs
        switch outcome {
        case .completed(let text):
            (state, finishedAt, message) = (.completed, now, text)
        case .failed(let text, let after):
            message = text
            if job.attempt >= job.work.maxAttempts {
                (state, finishedAt) = (.discarded, now)
            } else {
                state = .retryable
                let delay = after ?? JobBackoff.delay(afterAttempt: job.attempt, random: random)
                scheduledAt = now + delay.inSeconds
            }
        case .discarded(let text):
            (state, finishedAt, message) = (.discarded, now, text)
        case .unconfirmed(let text):
            (state, finishedAt, message) = (.unconfirmed, now, text)
        case .snoozed(let text, let pause):
            (state, message, attempt) = (.scheduled, text, job.attempt - 1)
            scheduledAt = now + pause.inSeconds
        case .released:
            (state, attempt) = (.available, job.attempt - 1)
            message = job.message
        case .handedOver(let asked):
            (state, attempt, needs) = (.available, job.attempt - 1, asked)
            message = "waits for a worker that offers \(asked.joined(separator: ", "))"
        }
    }
}
