import PipelineKit

/// Exponential back-off with full jitter.
package struct Backoff: Sendable, Hashable {
    /// The ceiling before the second attempt.
    package var base: Duration
    /// The ceiling that is never exceeded.
    package var cap: Duration

    /// A back-off.
    package init(base: Duration = .milliseconds(500), cap: Duration = .seconds(30)) {
        self.base = base
        self.cap = cap
    }

    /// The wait after the failed attempt `attempt`, from 1.
    /// - Parameter random: From 0 to 1.
    package func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        guard attempt > 0 else { return .zero }
        var ceiling = base.inSeconds
        for _ in 1..<max(attempt, 1) where ceiling < cap.inSeconds { ceiling *= 2 }
        return .seconds(min(ceiling, cap.inSeconds) * min(max(random, 0), 1))
    }
}
