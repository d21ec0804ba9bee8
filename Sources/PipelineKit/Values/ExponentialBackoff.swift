/// Exponential backoff with full jitter: the delay before a retry is uniform between zero and a ceiling that doubles
/// with each failed attempt.
package struct ExponentialBackoff: Sendable, Hashable {
    /// The ceiling after the first failed attempt.
    package var base: Duration
    /// The ceiling after any number of attempts.
    package var cap: Duration

    package init(base: Duration, cap: Duration) {
        self.base = base
        self.cap = cap
    }

    /// The delay after failed attempt number `attempt`, counted from 1; zero before that.
    /// - Parameter random: From 0 to 1; 1 gives the ceiling itself.
    package func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        guard attempt > 0 else { return .zero }
        var ceiling = base.inSeconds
        for _ in 1..<attempt where ceiling < cap.inSeconds { ceiling *= 2 }
        return .seconds(min(ceiling, cap.inSeconds) * min(max(random, 0), 1))
    }
}
