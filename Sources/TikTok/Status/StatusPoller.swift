import Foundation
package import PipelineKit

/// Polls the status of a post until it is final or the time limit is reached.
package struct StatusPoller: Sendable {
    package enum Outcome: Sendable, Hashable {
        /// Posted, or delivered as a draft.
        case done(PublishStatus)
        /// Rejected by the service.
        case failed(reason: String)
        /// Not final within the limit; nil if no status call succeeded.
        case undecided(lastStatus: String?)
    }

    /// The number of consecutive failed calls after which polling throws.
    static let toleratedFailures = 8
    /// The longest delay of a rate limit to follow, in seconds.
    private static let longestRetryAfter: Double = 300

    private let schedule: PollSchedule
    private let limit: Duration
    private let clock: HostClock
    private let random: @Sendable () -> Double

    /// Creates a poller.
    /// - Parameters:
    ///   - limit: How long to poll.
    ///   - random: Jitter from 0 to 1.
    package init(
        _ schedule: PollSchedule, limit: Duration, clock: HostClock,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) {
        self.schedule = schedule
        self.limit = limit
        self.clock = clock
        self.random = random
    }

    /// Polls until the status is final for a post of `mode`, or the limit is reached.
    /// - Parameters:
    ///   - mode: How the post reaches the creator.
    ///   - fetch: Makes one status call.
    ///   - notice: Called about once a second between calls. Returns an outcome that is known from another source, such
    ///     as a webhook.
    ///   - onStatus: Receives every status and the fraction of the time limit that has passed.
    /// - Throws: `StageError` if a call fails permanently, if `toleratedFailures` consecutive calls fail, or on
    ///   cancellation.
    package func poll(
        _ mode: PostMode, fetch: () async throws(StageError) -> PublishStatus,
        notice: (() async throws(StageError) -> Outcome?)? = nil,
        onStatus: (PublishStatus, Double) -> Void = { _, _ in }
    ) async throws(StageError) -> Outcome {
        let start = clock.now()
        var index = 0
        var failures = 0
        var lastStatus: String?
        while true {
            let left = limit.inSeconds - clock.now().timeIntervalSince(start)
            guard left > 0 else { return .undecided(lastStatus: lastStatus) }
            // Make the last call exactly at the limit, not after it.
            let delay = min(schedule.delay(before: index, random: random()), .seconds(left))
            index += 1
            if let outcome = try await wait(for: delay, notice: notice) { return outcome }
            do throws(StageError) {
                let status = try await fetch()
                failures = 0
                lastStatus = status.status
                onStatus(status, min(1, clock.now().timeIntervalSince(start) / max(limit.inSeconds, 0.001)))
                if let outcome = Outcome(status, mode: mode) { return outcome }
            } catch {
                guard let pause = pause(after: error, earlierFailures: failures) else { throw error }
                failures += 1
                try await clock.pause(for: pause)
            }
        }
    }

    /// Waits for `delay`, checking about once a second whether the outcome is known from another source.
    private func wait(
        for delay: Duration, notice: (() async throws(StageError) -> Outcome?)?
    ) async throws(StageError) -> Outcome? {
        var left = delay
        repeat {
            let step = notice == nil ? left : min(left, .seconds(1))
            try await clock.pause(for: step)
            left -= step
            if let outcome = try await notice?() { return outcome }
        } while left > .zero
        return nil
    }

    /// The additional delay after a failed call; nil if polling ends.
    private func pause(after error: StageError, earlierFailures: Int) -> Duration? {
        switch error.recovery {
        case .transient: earlierFailures + 1 < Self.toleratedFailures ? .zero : nil
        case .limited(let seconds?) where seconds <= Self.longestRetryAfter:
            earlierFailures < Self.toleratedFailures ? .seconds(seconds) : nil
        default: nil
        }
    }
}

extension StatusPoller.Outcome {
    /// The outcome that a status means for a post of `mode`; nil if the post is still under way.
    fileprivate init?(_ status: PublishStatus, mode: PostMode) {
        switch status.phase(for: mode) {
        case .underWay: return nil
        case .done: self = .done(status)
        case .failed(let reason): self = .failed(reason: reason)
        }
    }
}
