import Foundation
import PipelineKit
import Synchronization

/// Counts the bytes that an upload hands to the network, and reports its progress.
final class UploadMeter: Sendable {
    private struct State {
        var rate = RateMeter()
        var isInterrupted = false
    }

    /// The minimum duration of an upload, in seconds, for its rate to count as a measurement.
    private static let shortestMeasurement: TimeInterval = 5

    private let size: Int64
    private let clock: HostClock
    private let report: @Sendable (StageProgress) -> Void
    private let startedAt: Date
    private let state = Mutex(State())

    /// Starts measuring an upload of `size` bytes.
    init(size: Int64, clock: HostClock, report: @escaping @Sendable (StageProgress) -> Void) {
        self.size = size
        self.clock = clock
        self.report = report
        startedAt = clock.now()
    }

    /// The time since the upload started, in seconds.
    var elapsed: TimeInterval { clock.now().timeIntervalSince(startedAt) }

    /// Records that the upload was interrupted, so that its average rate does not reflect the line.
    func interrupt() { state.withLock { $0.isInterrupted = true } }

    /// Bytes per second since the start; nil if the upload was too short or interrupted.
    var averageRate: Double? {
        let elapsed = elapsed
        let (sent, isInterrupted) = state.withLock { ($0.rate.sent, $0.isInterrupted) }
        guard !isInterrupted, elapsed >= Self.shortestMeasurement, sent > 0 else { return nil }
        return Double(sent) / elapsed
    }

    /// Reports that the service has the bytes before `offset`.
    func report(position offset: Int64) { report(StageProgress(fraction: Double(offset) / Double(size))) }

    /// Returns a function that takes the number of bytes just sent of a chunk which starts at `offset`.
    ///
    /// Each attempt at a chunk needs its own counter: bytes that are sent again do not add to the reported fraction.
    func counter(from offset: Int64) -> @Sendable (Int) -> Void {
        let position = Mutex(offset)
        return { [self] count in
            let sent = position.withLock { position in
                position += Int64(count)
                return position
            }
            let time = clock.now().timeIntervalSinceReferenceDate
            let rate = state.withLock { $0.rate.add(count, at: time) }
            report(StageProgress(fraction: min(1, Double(sent) / Double(size)), bytesPerSecond: rate))
        }
    }
}
