import Foundation
package import PipelineKit

/// Asks how a post stands until it is final or the time is up.
package struct StatusPoller: Sendable {
    /// How polling ended.
    package enum Outcome: Sendable, Hashable {
        /// Posted, or delivered as a draft.
        case done(PublishStatus)
        /// Given up by the service.
        case failed(reason: String)
        /// Still not final when the time was up; the status seen last.
        case undecided(lastStatus: String?)
    }

    /// Failed calls in a row after which the service counts as gone.
    static let toleratedFailures = 8

    private let schedule: PollSchedule
    private let limit: Duration
    private let clock: HostClock
    private let random: @Sendable () -> Double

    /// A poller.
    /// - Parameters:
    ///   - limit: How long to go on.
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

    /// Waits, and looks meanwhile whether the outcome has become known.
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

    /// Polls.
    /// - Parameters:
    ///   - mode: How the post reaches the creator.
    ///   - fetch: One status call.
    ///   - notice: Looks, without a call and about once a second, whether the outcome has become known otherwise.
    ///   - onStatus: Takes every status seen and the share of the time that is used up.
    /// - Throws: `StageError` when a call is refused for good, when the service stays away, or on cancellation.
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
            // The last call comes when the time is up, not after it.
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
