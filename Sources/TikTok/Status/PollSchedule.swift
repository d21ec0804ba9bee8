import PipelineKit

/// The intervals between status calls for a post.
package struct PollSchedule: Sendable, Hashable {
    /// Delays before the first, second, … call; the last one repeats.
    package var delays: [Duration]
    /// How far each delay varies, as a fraction of it: 0.2 means ±20 %.
    package var jitter: Double

    package init(delays: [Duration], jitter: Double) {
        self.delays = delays
        self.jitter = jitter
    }

    /// For TikTok, which takes half a minute or longer to process a video: 2, 5, 10, 20, then every 30 seconds.
    package static let standard = PollSchedule(
        delays: [.seconds(2), .seconds(5), .seconds(10), .seconds(20), .seconds(30)], jitter: 0.2)
    /// For a sandbox on this machine: 0.25, 0.5, 1, 2, then every 4 seconds.
    package static let brisk = PollSchedule(
        delays: [.milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4)], jitter: 0.1)

    /// The delay before the call at `index`, counted from 0.
    /// - Parameter random: From 0 to 1; 0.5 means no jitter.
    package func delay(before index: Int, random: Double) -> Duration {
        guard let last = delays.last else { return .zero }
        let base = (index < delays.count ? delays[max(index, 0)] : last).inSeconds
        return .seconds(base * (1 + jitter * (2 * min(max(random, 0), 1) - 1)))
    }
}
