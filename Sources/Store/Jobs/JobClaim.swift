import PipelineKit

/// A worker's claim of due jobs, within one transaction.
struct JobClaim: Sendable {
    /// The name of the worker.
    let worker: String
    /// The queues to claim from; empty for all.
    let queues: Set<String>
    /// The labels that the worker offers; jobs that require others are skipped.
    let offeredLabels: Set<String>
    /// How long a lease lasts without a heartbeat.
    let leaseDuration: Duration

    /// Leases up to `count` jobs, by priority and then by start time.
    func leaseJobs(atMost count: Int, _ connection: any SQLConnection) throws -> [JobLease] {
        let restrictions = try JobRestrictions(connection)
        // No other worker may claim between the count of running jobs and this claim.
        if restrictions.needCounting { try connection.lock("jobs") }
        // With limits, claim one by one: each job may use the last free slot of its account or queue.
        let batch = restrictions.needCounting ? 1 : count
        var leases: [JobLease] = []
        while leases.count < count {
            let limit = min(batch, count - leases.count)
            let next = try leaseBatch(atMost: limit, blocked: restrictions.blockedScopes(connection), connection)
            guard !next.isEmpty else { break }
            leases += next
        }
        return leases
    }

    private func leaseBatch(
        atMost count: Int, blocked: [JobLimit.Scope], _ connection: any SQLConnection
    ) throws -> [JobLease] {
        let now = try connection.now()
        var conditions = SQLConditions()
        conditions.require(JobQueue.waiting)
        conditions.require("scheduledAt <= ?", [now])
        if !queues.isEmpty { conditions.require("queue", in: queues.sorted()) }
        for (column, scopes) in Dictionary(grouping: blocked, by: \.column).sorted(by: { $0.key < $1.key }) {
            conditions.require(column, notIn: scopes.map(\.name).sorted())
        }
        try excludeUnofferedLabels(&conditions, connection)
        let ids = try dueJobs(matching: conditions, atMost: count, connection)
        return ids.isEmpty ? [] : try lease(ids, at: now, connection)
    }

    /// Waiting jobs have few distinct sets of labels, so exclude the sets that this worker doesn't offer.
    private func excludeUnofferedLabels(_ conditions: inout SQLConditions, _ connection: any SQLConnection) throws {
        let sets = try connection.query(
            """
            SELECT DISTINCT labels, needs FROM jobs
            WHERE \(JobQueue.waiting) AND (labels <> '' OR needs <> '')
            """)
        for row in sets where try !offersLabels(of: row) {
            let (labels, needs): (String, String) = (try row.get("labels"), try row.get("needs"))
            conditions.require("NOT (labels = ? AND needs = ?)", [labels, needs])
        }
    }

    private func offersLabels(of row: SQLRow) throws -> Bool {
        let required = JobLabels.parse(try row.get("labels")) + JobLabels.parse(try row.get("needs"))
        return offeredLabels.isSuperset(of: required)
    }

    /// Selects jobs in the order in which they run, and locks their rows.
    private func dueJobs(
        matching conditions: SQLConditions, atMost count: Int, _ connection: any SQLConnection
    ) throws -> [Int64] {
        let rows = try connection.query(
            """
            SELECT id, labels, needs FROM jobs WHERE \(conditions.sql)
            ORDER BY priority, scheduledAt, id LIMIT ? \(connection.dialect.skippingLocked)
            """, conditions.arguments + [count])
        // A job with other labels may have been inserted since the sets of labels were read.
        return try rows.filter(offersLabels).map { try $0.get("id") }
    }

    private func lease(_ ids: [Int64], at now: Double, _ connection: any SQLConnection) throws -> [JobLease] {
        let rows = try connection.query(
            """
            UPDATE jobs SET state = 'executing', attempt = attempt + 1, lease = lease + 1, leaseUntil = ?, worker = ?,
                attemptedAt = ?, stage = NULL, progress = NULL
            WHERE id IN (\(ids.placeholders)) RETURNING *
            """, [now + leaseDuration.inSeconds, worker, now] + ids as [any SQLConvertible])
        // An update returns its rows in any order.
        let leases = try rows.map { JobLease(job: try Job($0), number: try $0.get("lease")) }
        let positions = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        return leases.sorted { (positions[$0.job.id] ?? 0) < (positions[$1.job.id] ?? 0) }
    }
}
