import Synchronization

/// Measures the upload rate over the last five seconds, and counts all bytes sent.
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

    /// The number of bytes handed to the network so far.
    var total: Int64 { state.withLock { $0.sent } }

    /// Whether the upload was interrupted, so that its average rate does not reflect the line.
    var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

    /// Records an interruption of the upload.
    func interrupt() { state.withLock { $0.isInterrupted = true } }

    /// Records `bytes` handed to the network at `time`, in seconds.
    /// - Returns: Bytes per second over the last five seconds; nil for the first 0.2 seconds.
    func add(_ bytes: Int, at time: Double) -> Double? {
        state.withLock { state in
            state.sent += Int64(bytes)
            // Keep at most one sample per tenth of a second.
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
