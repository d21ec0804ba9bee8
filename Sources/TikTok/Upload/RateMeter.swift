import Synchronization

/// Measures how fast bytes leave, over the last few seconds and over all of the sending.
final class RateMeter: Sendable {
    private struct Sample {
        var time: Double
        var bytes: Int64
    }

    private struct State {
        var samples: [Sample] = []
        var sent: Int64 = 0
    }

    private static let window = 5.0
    private let state = Mutex(State())

    /// Notes `bytes` handed to the network at `time` seconds.
    /// - Returns: Bytes per second over the last five seconds; nil until there is something to measure.
    func add(_ bytes: Int, at time: Double) -> Double? {
        state.withLock { state in
            state.sent += Int64(bytes)
            // One sample for a tenth of a second is enough.
            if let last = state.samples.last, time - last.time < 0.1, state.samples.count > 1 {
                state.samples[state.samples.count - 1].bytes = state.sent
            } else {
                state.samples.append(Sample(time: time, bytes: state.sent))
            }
            while let first = state.samples.first, state.samples.count > 2, time - first.time > Self.window {
                state.samples.removeFirst()
            }
            guard let first = state.samples.first, time - first.time > 0.2 else { return nil }
            return Double(state.sent - first.bytes) / (time - first.time)
        }
    }
}
