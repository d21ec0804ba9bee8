/// Measures the upload rate over the last five seconds, and counts all bytes sent.
struct RateMeter: Sendable {
    private struct Sample {
        var time: Double
        var bytes: Int64
    }

    private static let window = 5.0
    private var samples: [Sample] = []

    /// The number of bytes handed to the network so far.
    private(set) var sent: Int64 = 0

    /// Records `count` bytes handed to the network at `time`, in seconds.
    /// - Returns: Bytes per second over the last five seconds; nil for the first 0.2 seconds.
    mutating func add(_ count: Int, at time: Double) -> Double? {
        sent += Int64(count)
        // Keep at most one sample per tenth of a second.
        if let last = samples.last, time - last.time < 0.1, samples.count > 1 {
            samples[samples.count - 1].bytes = sent
        } else {
            samples.append(Sample(time: time, bytes: sent))
        }
        while let first = samples.first, samples.count > 2, time - first.time > Self.window {
            samples.removeFirst()
        }
        guard let first = samples.first, time - first.time > 0.2 else { return nil }
        return Double(sent - first.bytes) / (time - first.time)
    }
}
