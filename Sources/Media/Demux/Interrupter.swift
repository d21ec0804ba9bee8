import CFFmpeg
import PipelineKit

/// Makes blocking FFmpeg calls return early: on cancellation, or after a deadline.
final class Interrupter: Sendable {
    private let cancellation: CancellationFlag
    private let deadline: ContinuousClock.Instant?

    init(cancellation: CancellationFlag, deadline: ContinuousClock.Instant?) {
        self.cancellation = cancellation
        self.deadline = deadline
    }

    /// Whether a running call must return.
    var isOver: Bool { cancellation.isCancelled || isLate }

    private var isLate: Bool { deadline.map { ContinuousClock.now > $0 } ?? false }

    /// Throws if cancelled or past the deadline. Call this before looking at FFmpeg's result, which looks the same for an
    /// interrupted call and a damaged file.
    func check(_ operation: @autoclosure () -> String) throws(MediaError) {
        try cancellation.check(operation())
        if isLate { throw .timedOut(operation()) }
    }
}

extension MediaError {
    /// The error of an `operation` that ran past its deadline.
    static func timedOut(_ operation: String) -> MediaError {
        MediaError(operation, number: spreader_error_posix(ETIMEDOUT))
    }

    /// Whether the operation ran past its deadline.
    var isTimeout: Bool { number == spreader_error_posix(ETIMEDOUT) }
}
