package import Foundation

/// Where a job stands. The words are Oban's, and `unconfirmed`.
package enum JobState: String, Sendable, Codable, CaseIterable {
    /// Waits for its moment.
    case scheduled
    /// Waits for a worker.
    case available
    /// A worker has it.
    case executing
    /// Failed, and waits for its next attempt.
    case retryable
    /// Done.
    case completed
    /// Put aside after its last attempt, or because another one can't help; can be edited and retried.
    case discarded
    /// Called off.
    case cancelled
    /// Its post may or may not be there: a person decides.
    case unconfirmed
}

/// A job to be made: one asset through one pipeline.
package struct NewJob: Sendable, Hashable {
    /// Absolute path of the pipeline file.
    package var pipeline: String
    /// The pipeline's name.
    package var name: String
    /// Absolute path of the footage.
    package var asset: String
    /// The folder that relative paths in the pipeline are relative to.
    package var directory: String
    /// Options of the command line, such as `--post title=Hi`.
    package var options: [String]
    /// The connected account that is posted to.
    package var account: String
    /// The queue that it waits in.
    package var queue: String
    /// Smaller ones come first, 0 to 9.
    package var priority: Int
    /// Attempts in all.
    package var maxAttempts: Int
    /// When it may begin; at once when nil.
    package var scheduledAt: Date?
    /// A key that only one unfinished job may have.
    package var uniqueKey: String?
    /// What a worker must offer to take it.
    package var labels: [String]
    /// The footage's content, for machines that don't have the file; nil when it is at its path on all of them.
    package var footage: JobFootage?

    /// A job to be made; see the properties.
    package init(
        pipeline: String, name: String, asset: String, directory: String, options: [String] = [],
        account: String = "default", queue: String = "default", priority: Int = 0,
        maxAttempts: Int = NewJob.usualAttempts, scheduledAt: Date? = nil, uniqueKey: String? = nil,
        labels: [String] = [], footage: JobFootage? = nil
    ) {
        self.pipeline = pipeline
        self.name = name
        self.asset = asset
        self.directory = directory
        self.options = options
        self.account = account
        self.queue = queue
        self.priority = priority
        self.maxAttempts = maxAttempts
        self.scheduledAt = scheduledAt
        self.uniqueKey = uniqueKey
        self.labels = labels
        self.footage = footage
    }

    /// Oban's default.
    package static let usualAttempts = 20
}

/// Footage in the store of artifacts, with what stands beside it.
package struct JobFootage: Sendable, Hashable, Codable {
    /// A file.
    package struct File: Sendable, Hashable, Codable {
        /// Its name, without a folder.
        package var name: String
        /// SHA-256 of its content.
        package var digest: String

        /// A file.
        package init(name: String, digest: String) {
            self.name = name
            self.digest = digest
        }
    }

    /// The footage first, then sidecars.
    package var files: [File]

    /// Files in the store.
    package init(files: [File]) { self.files = files }
}

/// A job as the table has it.
package struct Job: Sendable, Hashable {
    /// Its number.
    package var id: Int64
    /// What it is to do.
    package var work: NewJob
    /// Where it stands.
    package var state: JobState
    /// Attempts begun.
    package var attempt: Int
    /// When it was made.
    package var insertedAt: Date
    /// When it may begin.
    package var scheduledAt: Date
    /// When its last attempt began.
    package var attemptedAt: Date?
    /// When it ended.
    package var finishedAt: Date?
    /// The worker that has it, or had it last.
    package var worker: String?
    /// When its lease ends, while a worker has it.
    package var leaseUntil: Date?
    /// The stage that it is in.
    package var stage: String?
    /// Share of that stage that is done, 0 to 1.
    package var progress: Double?
    /// What came of the last attempt.
    package var message: String?
    /// The run that works on it.
    package var runID: String?
    /// What its next stage asks of a worker, beside the job's own labels.
    package var needs: [String] = []
}

/// A worker's hold on a job. Its number is raised at every claim: whoever comes with an older one has lost the job.
package struct JobLease: Sendable, Hashable {
    /// The job.
    package var job: Job
    /// The number of this hold.
    package var number: Int64
    /// When it was asked for, by this process's clock: its lease begins no earlier.
    package var claimedAt = ContinuousClock.now
}

/// How an attempt ended.
package enum JobOutcome: Sendable, Hashable {
    /// Done.
    case completed(message: String?)
    /// Failed; another attempt may help.
    /// - Parameter after: What the service asked to wait; the back-off otherwise.
    case failed(message: String, after: Duration?)
    /// Failed for good.
    case discarded(message: String)
    /// The time has not come, or a limit is met: later, and the attempt does not count.
    case snoozed(message: String, for: Duration)
    /// The post may or may not be there.
    case unconfirmed(message: String)
    /// Given back by a worker that stops; the attempt does not count.
    case released
    /// Its next stage is for workers that offer something else; the attempt does not count.
    case handedOver(needs: [String])
}

/// When a failed job is tried again.
package enum JobBackoff {
    /// Oban's default: 15 s + 2^attempt s, lengthened by up to a tenth.
    /// - Parameter random: From 0 to 1.
    package static func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        let seconds = 15 + (0..<min(max(attempt, 0), 20)).reduce(1.0) { value, _ in value * 2 }
        return .seconds(seconds * (1 + 0.1 * min(max(random, 0), 1)))
    }
}
