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
        var isInterrupted = false
    }

    private static let window = 5.0
    private let state = Mutex(State())

    /// Bytes handed to the network so far.
    var total: Int64 { state.withLock { $0.sent } }

    /// Whether something held the sending up, so that the rate is not the line's.
    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// Notes that something holds the sending up.
    func interrupt() { state.withLock { $0.isInterrupted = true } }

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
