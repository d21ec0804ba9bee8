package import Foundation

/// The state of a job. The names are those of Oban, plus `unconfirmed`.
package enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waiting for its start time.
    case scheduled
    /// Waiting for a worker.
    case available
    /// A worker is running it.
    case executing
    /// Failed, and waiting for the next attempt.
    case retryable
    case completed
    /// Failed after its last attempt, or permanently; can be edited and retried.
    case discarded
    /// Cancelled by the user.
    case cancelled
    /// Whether its post was published is unknown; a person has to decide.
    case unconfirmed
}

/// A job to insert: one asset through one pipeline.
package struct NewJob: Sendable, Hashable {
    /// The absolute path of the pipeline file.
    package var pipeline: String
    package var name: String
    /// The absolute path of the footage.
    package var asset: String
    /// The folder that relative paths in the pipeline refer to.
    package var directory: String
    /// Command-line options, such as `--post title=Hi`.
    package var options: [String] = []
    /// The connected account to post to.
    package var account = "default"
    package var queue = "default"
    /// From 0 to 9; smaller values run first.
    package var priority = 0
    /// The maximum number of attempts.
    package var maxAttempts = NewJob.defaultAttempts
    /// The earliest start; nil for immediately.
    package var scheduledAt: Date?
    /// A key that at most one unfinished job may have; nil for none.
    package var uniqueKey: String?
    /// The labels that a worker must offer to run the job.
    package var labels: [String] = []
    /// The content of the footage, for machines that don't have the file; nil when all machines have it at its path.
    package var footage: JobFootage?

    package init(pipeline: String, name: String, asset: String, directory: String) {
        self.pipeline = pipeline
        self.name = name
        self.asset = asset
        self.directory = directory
    }

    /// Oban's default for the number of attempts.
    package static let defaultAttempts = 20
}

/// Footage in the artifact store, with its sidecars.
package struct JobFootage: Sendable, Hashable, Codable {
    package struct File: Sendable, Hashable, Codable {
        /// The file name, without a folder.
        package var name: String
        /// SHA-256 of the content.
        package var digest: String

        package init(name: String, digest: String) {
            self.name = name
            self.digest = digest
        }
    }

    /// The footage first, followed by its sidecars.
    package var files: [File]

    package init(files: [File]) { self.files = files }
}

/// A job in the database.
package struct Job: Sendable, Hashable {
    package var id: Int64
    package var work: NewJob
    package var state: JobState
    /// The number of attempts started.
    package var attempt: Int
    package var insertedAt: Date
    /// The earliest start of the next attempt.
    package var scheduledAt: Date
    /// When the last attempt started.
    package var attemptedAt: Date?
    /// When the job ended; nil until then.
    package var finishedAt: Date?
    /// The worker that runs it, or ran it last.
    package var worker: String?
    /// When the lease expires; nil unless a worker has the job.
    package var leaseUntil: Date?
    /// The stage in progress, or the last one.
    package var stage: String?
    /// The progress of that stage, from 0 to 1.
    package var progress: Double?
    /// The result of the last attempt, for people.
    package var message: String?
    /// The run that works on the job.
    package var runID: String?
    /// The labels that its next stage requires of a worker, in addition to the job's own.
    package var needs: [String]
}

/// A worker's lease on a job. Each claim increments the number, so that a worker with an older number has lost the job.
package struct JobLease: Sendable, Hashable {
    package var job: Job
    /// The fencing number of this lease.
    package var number: Int64
    /// When this process requested the claim, by its own clock: no later than the start of the lease.
    package var claimedAt = ContinuousClock.now
}

/// The result of an attempt.
package enum JobOutcome: Sendable, Hashable {
    case completed(message: String?)
    /// Failed; another attempt may succeed.
    /// - Parameter after: The delay that the service asked for; nil for the backoff.
    case failed(message: String, after: Duration?)
    /// Failed permanently: another attempt would fail again.
    case discarded(message: String)
    /// Too early, or a limit was reached: try later without counting the attempt.
    case snoozed(message: String, for: Duration)
    /// Whether the post was published is unknown.
    case unconfirmed(message: String)
    /// Returned by a worker that is stopping, without counting the attempt.
    case released
    /// The next stage needs a worker with other labels; the attempt doesn't count.
    case handedOver(needs: [String])
}

/// The delay before a failed job is retried.
package enum JobBackoff {
    /// Oban's default: 15 s + 2^attempt s, plus up to 10 % jitter.
    /// - Parameter random: From 0 to 1.
    package static func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        let seconds = 15 + (0..<min(max(attempt, 0), 20)).reduce(1.0) { value, _ in value * 2 }
        return .seconds(seconds * (1 + 0.1 * min(max(random, 0), 1)))
    }
}
