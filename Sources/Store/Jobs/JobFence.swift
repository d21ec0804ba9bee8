import PipelineKit

/// A job lease in the form that a worker passes to its child process.
package struct JobFence: Sendable, Hashable {
    package var job: Int64
    /// The fencing number of the lease.
    package var lease: Int64

    package init(_ lease: JobLease) {
        job = lease.job.id
        self.lease = lease.number
    }

    /// Parses `job:lease`; returns nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":").compactMap { Int64($0) }
        guard parts.count == 2 else { return nil }
        (job, lease) = (parts[0], parts[1])
    }

    /// The lease as `job:lease`, for the environment of the child process.
    package var text: String { "\(job):\(lease)" }

    /// Whether the lease is still valid. If it is, it stays valid until the transaction ends.
    func isValid(_ connection: any SQLConnection) throws -> Bool {
        try !connection.query(
            "SELECT 1 AS valid FROM jobs WHERE id = ? AND lease = ? AND state = 'executing' \(connection.dialect.sharing)",
            [job, lease]
        ).isEmpty
    }

    /// The error of a worker whose lease is no longer valid.
    var lostError: StageError {
        StageError(
            .busy, "job \(job) was cancelled or taken over by another worker; nothing was sent",
            hint: "see: spreader-pipeline jobs show \(job)", recovery: .permanent)
    }
}
