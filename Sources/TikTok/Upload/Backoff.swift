import PipelineKit

/// Exponential backoff with full jitter.
package struct Backoff: Sendable, Hashable {
    /// The maximum delay before the second attempt; it doubles with each further attempt.
    package var base: Duration
    /// The maximum delay before any attempt.
    package var cap: Duration

    package init(base: Duration = .milliseconds(500), cap: Duration = .seconds(30)) {
        self.base = base
        self.cap = cap
    }

    /// The delay after failed attempt number `attempt`, counted from 1.
    /// - Parameter random: From 0 to 1.
    package func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        guard attempt > 0 else { return .zero }
        var ceiling = base.inSeconds
        for _ in 1..<max(attempt, 1) where ceiling < cap.inSeconds { ceiling *= 2 }
        return .seconds(min(ceiling, cap.inSeconds) * min(max(random, 0), 1))
    }
}
