import Foundation
import PipelineKit

/// The columns of a job that the outcome of an attempt changes.
struct JobUpdate: Sendable {
    var state: JobState
    var attempt: Int
    /// The start time of the next attempt, in seconds since 1970.
    var scheduledAt: Double
    var finishedAt: Double?
    var message: String?
    var needs: [String]

    /// - Parameter random: From 0 to 1, for the jitter of the backoff.
    init(_ outcome: JobOutcome, of job: Job, at now: Double, random: Double) {
        state = job.state
        attempt = job.attempt
        scheduledAt = job.scheduledAt.timeIntervalSince1970
        // Keep the required labels: the next attempt runs the same stage.
        needs = job.needs
        switch outcome {
        case .completed(let message):
            (state, finishedAt, self.message) = (.completed, now, message)
        case .failed(let message, _) where job.attempt >= job.work.maxAttempts:
            (state, finishedAt, self.message) = (.discarded, now, message)
        case .failed(let message, let delay):
            (state, self.message) = (.retryable, message)
            let backoff = JobBackoff.delay(afterAttempt: job.attempt, random: random)
            scheduledAt = now + (delay ?? backoff).inSeconds
        case .discarded(let message):
            (state, finishedAt, self.message) = (.discarded, now, message)
        case .unconfirmed(let message):
            (state, finishedAt, self.message) = (.unconfirmed, now, message)
        case .snoozed(let message, let delay):
            (state, attempt, self.message) = (.scheduled, job.attempt - 1, message)
            scheduledAt = now + delay.inSeconds
        case .released:
            (state, attempt, message) = (.available, job.attempt - 1, job.message)
        case .handedOver(let labels):
            (state, attempt, needs) = (.available, job.attempt - 1, labels)
            message = "waiting for a worker that offers \(labels.joined(separator: ", "))"
        }
    }
}
