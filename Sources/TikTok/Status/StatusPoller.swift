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

    /// Waits for `delay`, checking about once a second whether the outcome is known from another source.
    private func wait(
        _ delay: Duration, _ notice: (() async throws(StageError) -> Outcome?)?
    ) async throws(StageError) -> Outcome? {
        var left = delay
        repeat {
            let step = notice == nil ? left : min(left, .seconds(1))
            do {
                try await clock.sleep(step)
            } catch {
                throw .cancelled
            }
            left -= step
            if let outcome = try await notice?() { return outcome }
        } while left > .zero
        return nil
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
            var delay = schedule.delay(before: index, random: random())
            index += 1
            let elapsed = clock.now().timeIntervalSince(start)
            let left = limit.inSeconds - elapsed
            // Make the last call exactly at the limit, not after it.
            guard left > 0 else { return .undecided(lastStatus: lastStatus) }
            delay = min(delay, .seconds(left))
            if let outcome = try await wait(delay, notice) { return outcome }
            do throws(StageError) {
                let status = try await fetch()
                failures = 0
                lastStatus = status.status
                onStatus(status, min(1, clock.now().timeIntervalSince(start) / max(limit.inSeconds, 0.001)))
                switch status.phase(for: mode) {
                case .underWay: continue
                case .done: return .done(status)
                case .failed(let reason): return .failed(reason: reason)
                }
            } catch {
                if error.code == .cancelled { throw error }
                guard case .transient = error.recovery else {
                    if case .limited(let after?) = error.recovery, after <= 300, failures < Self.toleratedFailures {
                        failures += 1
                        do {
                            try await clock.sleep(.seconds(after))
                        } catch {
                            throw .cancelled
                        }
                        continue
                    }
                    throw error
                }
                failures += 1
                guard failures < Self.toleratedFailures else { throw error }
            }
        }
    }
}
