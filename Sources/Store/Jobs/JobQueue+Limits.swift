package import PipelineKit

extension JobQueue {
    /// Limits how many jobs of a queue or an account run at once, over all workers.
    /// - Parameter capacity: 0 starts no jobs; nil removes the limit.
    /// - Throws: `StageError` when the database can't be written.
    package func limit(_ scope: JobLimit.Scope, to capacity: Int?) async throws(StageError) {
        try await writeLimit(kind: scope.column, name: scope.name, capacity: capacity)
    }

    /// Pauses a queue: it starts no jobs until it is resumed, and keeps its limit.
    /// - Throws: `StageError` when the database can't be written.
    package func pause(_ queue: String) async throws(StageError) {
        try await writeLimit(kind: JobRestrictions.pause, name: queue, capacity: 0)
    }

    /// Resumes a paused queue.
    /// - Throws: `StageError` when the database can't be written.
    package func resume(_ queue: String) async throws(StageError) {
        try await writeLimit(kind: JobRestrictions.pause, name: queue, capacity: nil)
    }

    private func writeLimit(kind: String, name: String, capacity: Int?) async throws(StageError) {
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

    /// Returns the limits and the paused queues.
    /// - Throws: `StageError` when the database can't be read.
    package func restrictions() async throws(StageError) -> JobRestrictions {
        try await bridge("reading limits of jobs failed") {
            try await database.read { try JobRestrictions($0) }
        }
    }
}

/// Which jobs may not start although they are due.
package struct JobRestrictions: Sendable, Hashable {
    /// The kind of the rows in `jobLimits` that pause a queue.
    static let pause = "pause"

    /// The limits, sorted by kind and name.
    package private(set) var limits: [JobLimit] = []
    /// The names of the paused queues, sorted.
    package private(set) var pausedQueues: [String] = []

    init(_ connection: any SQLConnection) throws {
        for row in try connection.query("SELECT kind, name, capacity FROM jobLimits ORDER BY kind, name") {
            let (kind, name): (String, String) = (try row.get("kind"), try row.get("name"))
            switch kind {
            case Self.pause: pausedQueues.append(name)
            case "account": limits.append(JobLimit(.account(name), capacity: try row.get("capacity")))
            default: limits.append(JobLimit(.queue(name), capacity: try row.get("capacity")))
            }
        }
    }

    /// Whether the number of running jobs decides which jobs may start.
    var needCounting: Bool { limits.contains { $0.capacity > 0 } }

    /// The queues and accounts that may not start a job now.
    func blockedScopes(_ connection: any SQLConnection) throws -> [JobLimit.Scope] {
        let full = try limits.filter { limit in
            try limit.capacity == 0 || Self.runningJobs(in: limit.scope, connection) >= limit.capacity
        }
        return pausedQueues.map { .queue($0) } + full.map(\.scope)
    }

    private static func runningJobs(in scope: JobLimit.Scope, _ connection: any SQLConnection) throws -> Int {
        try connection.query(
            "SELECT count(*) AS running FROM jobs WHERE state = 'executing' AND \(scope.column) = ?", [scope.name]
        ).first?.get("running") ?? 0
    }
}
