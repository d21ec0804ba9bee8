import Foundation
import PipelineKit

extension JobQueue {
    /// How many jobs of a queue or an account may run at once, over all workers; 0 for a paused queue.
    struct Limit: Sendable, Hashable {
        var kind: String
        var name: String
        var capacity: Int
    }

    static func limits(_ connection: any SQLConnection) throws -> [Limit] {
        try connection.query("SELECT kind, name, capacity FROM jobLimits").map {
            Limit(kind: try $0.get("kind"), name: try $0.get("name"), capacity: try $0.get("capacity"))
        }
    }

    /// The queues and accounts that are at capacity, by column.
    private static func full(_ limits: [Limit], _ connection: any SQLConnection) throws -> [String: [String]] {
        var full: [String: [String]] = [:]
        for limit in limits {
            let column = limit.kind == "account" ? "account" : "queue"
            let running =
                limit.capacity == 0
                ? 0
                : try connection.query(
                    "SELECT count(*) AS running FROM jobs WHERE state = 'executing' AND \(column) = ?", [limit.name]
                ).first?.get("running", as: Int.self) ?? 0
            if running >= limit.capacity { full[column, default: []].append(limit.name) }
        }
        return full
    }

    static func claim(
        _ count: Int, _ worker: String, _ queues: Set<String>, _ offered: Set<String>, _ lease: Duration,
        _ limits: [Limit], _ connection: any SQLConnection
    ) throws -> [JobLease] {
        let now = try connection.now()
        var conditions = [waiting, "scheduledAt <= ?"]
        var arguments: [any SQLConvertible] = [now]
        func among(_ column: String, _ names: [String], isNot: Bool = false) {
            conditions.append(
                "\(column) \(isNot ? "NOT IN" : "IN") (\(names.map { _ in "?" }.joined(separator: ", ")))")
            arguments += names as [any SQLConvertible]
        }
        if !queues.isEmpty { among("queue", queues.sorted()) }
        for (column, names) in try full(limits, connection).sorted(by: { $0.key < $1.key }) {
            among(column, names.sorted(), isNot: true)
        }
        // Waiting jobs have few distinct sets of labels, so exclude those that this worker doesn't offer.
        let asked = try connection.query(
            "SELECT DISTINCT labels, needs FROM jobs WHERE \(waiting) AND (labels <> '' OR needs <> '')")
        for row in asked {
            let (own, needs): (String, String) = (try row.get("labels"), try row.get("needs"))
            guard !offered.isSuperset(of: labels(own) + labels(needs)) else { continue }
            conditions.append("NOT (labels = ? AND needs = ?)")
            arguments += [own, needs] as [any SQLConvertible]
        }
        let found = try connection.query(
            """
            SELECT id, labels, needs FROM jobs WHERE \(conditions.joined(separator: " AND "))
            ORDER BY priority, scheduledAt, id LIMIT ? \(connection.dialect.skippingLocked)
            """, arguments + [count])
        // A job with other labels may have been inserted between the two queries.
        let ids = try found.filter {
            offered.isSuperset(of: labels(try $0.get("labels")) + labels(try $0.get("needs")))
        }.map { try $0.get("id", as: Int64.self) }
        guard !ids.isEmpty else { return [] }
        let rows = try connection.query(
            """
            UPDATE jobs SET state = 'executing', attempt = attempt + 1, lease = lease + 1, leaseUntil = ?, worker = ?,
                attemptedAt = ?, stage = NULL, progress = NULL
            WHERE id IN (\(ids.map { _ in "?" }.joined(separator: ", "))) RETURNING *
            """, [now + lease.inSeconds, worker, now] + ids as [any SQLConvertible])
        let order = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        return try rows.map { JobLease(job: try job($0), number: try $0.get("lease")) }
            .sorted { (order[$0.job.id] ?? 0) < (order[$1.job.id] ?? 0) }
    }

    static func text(_ words: [String]) throws -> String {
        String(decoding: try JSONEncoder().encode(words), as: UTF8.self)
    }

    /// Labels in sorted order, so that equal sets are equal in the database.
    static func text(labels: [String]) -> String { Set(labels).sorted().joined(separator: ",") }

    static func labels(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    static func job(_ row: SQLRow) throws -> Job {
        let options: String = try row.get("options")
        let work = NewJob(
            pipeline: try row.get("pipeline"), name: try row.get("name"), asset: try row.get("asset"),
            directory: try row.get("directory"),
            options: try JSONDecoder().decode([String].self, from: Data(options.utf8)),
            account: try row.get("account"), queue: try row.get("queue"), priority: try row.get("priority"),
            maxAttempts: try row.get("maxAttempts"), scheduledAt: try row.get("scheduledAt"),
            uniqueKey: try row.get("uniqueKey"), labels: labels(try row.get("labels")),
            footage: try row.get("footage", as: String?.self).map {
                try JSONDecoder().decode(JobFootage.self, from: Data($0.utf8))
            })
        return Job(
            id: try row.get("id"), work: work, state: JobState(rawValue: try row.get("state")) ?? .discarded,
            attempt: try row.get("attempt"), insertedAt: try row.get("insertedAt"),
            scheduledAt: try row.get("scheduledAt"), attemptedAt: try row.get("attemptedAt"),
            finishedAt: try row.get("finishedAt"), worker: try row.get("worker"), leaseUntil: try row.get("leaseUntil"),
            stage: try row.get("stage"), progress: try row.get("progress"), message: try row.get("message"),
            runID: try row.get("runID"), needs: labels(try row.get("needs")))
    }
}
