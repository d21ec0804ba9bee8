import Foundation

/// Progress of the video, which the audio follows: it is written no further than the video and ends with it.
final class VideoProgressClock: Stoppable, @unchecked Sendable {
    // `condition` guards all mutable state.
    private let condition = NSCondition()
    private var seconds = 0.0
    private var end: Double?
    private var isStopped = false

    /// Position of the video in seconds of the delivery; its end once that is known.
    var position: Double {
        condition.lock()
        defer { condition.unlock() }
        return end ?? seconds
    }

    /// Moves the position forward; an earlier time has no effect.
    func advance(to seconds: Double) {
        condition.lock()
        defer { condition.unlock() }
        self.seconds = max(self.seconds, seconds)
        condition.broadcast()
    }

    /// Sets the end of the video, in seconds of the delivery.
    func finish(at seconds: Double) {
        condition.lock()
        defer { condition.unlock() }
        end = seconds
        condition.broadcast()
    }

    /// Blocks until the video has reached `seconds` or has ended.
    /// - Returns: The end of the video in seconds; nil if it is not known yet.
    /// - Throws: `MediaError.cancelled` if the job stops in the meantime.
    func wait(for seconds: Double) throws(MediaError) -> Double? {
        condition.lock()
        defer { condition.unlock() }
        while self.seconds < seconds, end == nil, !isStopped { condition.wait() }
        if isStopped { throw .cancelled("waiting for the video") }
        return end
    }

    func stop() {
        condition.lock()
        defer { condition.unlock() }
        isStopped = true
        condition.broadcast()
    }
}
