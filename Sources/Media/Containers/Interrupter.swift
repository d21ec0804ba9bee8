import CFFmpeg
import PipelineKit

/// Says when a blocking library call has to come back: on request, or when its time is over.
final class Interrupter: Sendable {
    private let cancellation: CancellationFlag
    private let deadline: ContinuousClock.Instant?

    init(cancellation: CancellationFlag, deadline: ContinuousClock.Instant?) {
        self.cancellation = cancellation
        self.deadline = deadline
    }

    /// Whether to come back.
    var isOver: Bool { cancellation.isCancelled || isLate }

    private var isLate: Bool { deadline.map { ContinuousClock.now > $0 } ?? false }

    /// Throws when it is over. What the library answers to an interruption looks like a damaged file.
    func check(_ operation: @autoclosure () -> String) throws(MediaError) {
        try cancellation.check(operation())
        if isLate { throw .timedOut(operation()) }
    }
}

extension MediaError {
    /// The work took longer than it may.
    static func timedOut(_ operation: String) -> MediaError {
        MediaError(operation, number: spreader_error_posix(ETIMEDOUT))
    }

    /// Whether the work took longer than it may.
    var isTimeout: Bool { number == spreader_error_posix(ETIMEDOUT) }
}
