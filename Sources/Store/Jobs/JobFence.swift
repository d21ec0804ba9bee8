import GRDB
import PipelineKit

/// The hold on a job that a process works for, as its worker hands it on.
package struct JobFence: Sendable, Hashable {
    /// The job.
    package var job: Int64
    /// The number of the hold.
    package var lease: Int64

    /// The hold on a job.
    package init(_ held: JobLease) {
        job = held.job.id
        lease = held.number
    }

    /// Reads `job:lease`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":").compactMap { Int64($0) }
        guard parts.count == 2 else { return nil }
        (job, lease) = (parts[0], parts[1])
    }

    /// As ``init(_:)`` reads it.
    package var text: String { "\(job):\(lease)" }

    func holds(_ database: Database) throws -> Bool {
        try Bool.fetchOne(
            database,
            sql: "SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ? AND lease = ? AND state = 'executing')",
            arguments: [job, lease]) ?? false
    }

    var lost: StageError {
        StageError(
            .busy, "job \(job) was taken over by another worker, or called off; nothing was sent",
            hint: "see: spreader-pipeline jobs show \(job)", recovery: .permanent)
    }
}
