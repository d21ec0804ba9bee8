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

    /// Whether the job is still this process's, and it stays so until the transaction ends.
    func holds(_ connection: any SQLConnection) throws -> Bool {
        try !connection.query(
            "SELECT 1 AS held FROM jobs WHERE id = ? AND lease = ? AND state = 'executing' \(connection.dialect.sharing)",
            [job, lease]
        ).isEmpty
    }

    var lost: StageError {
        StageError(
            .busy, "job \(job) was taken over by another worker, or called off; nothing was sent",
            hint: "see: spreader-pipeline jobs show \(job)", recovery: .permanent)
    }
}
