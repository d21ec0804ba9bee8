import Foundation

/// How far the picture has come: the sound follows it and ends where it ends.
final class PictureClock: Stoppable, @unchecked Sendable {
    // All of it is touched only while `condition` is held.
    private let condition = NSCondition()
    private var seconds = 0.0
    private var end: Double?
    private var isStopped = false

    /// The picture's position, in seconds of the delivery.
    var position: Double {
        condition.lock()
        defer { condition.unlock() }
        return end ?? seconds
    }

    /// Moves on.
    func advance(to seconds: Double) {
        condition.lock()
        defer { condition.unlock() }
        self.seconds = max(self.seconds, seconds)
        condition.broadcast()
    }

    /// Says where the picture ends.
    func finish(at seconds: Double) {
        condition.lock()
        defer { condition.unlock() }
        end = seconds
        condition.broadcast()
    }

    /// Waits until the picture has come to `seconds` or is at its end.
    /// - Returns: Where the picture ends, when that is known.
    /// - Throws: `MediaError.cancelled` when the job stopped meanwhile.
    func wait(for seconds: Double) throws(MediaError) -> Double? {
        condition.lock()
        defer { condition.unlock() }
        while self.seconds < seconds, end == nil, !isStopped { condition.wait() }
        if isStopped { throw .cancelled("waiting for the picture") }
        return end
    }

    func stop() {
        condition.lock()
        defer { condition.unlock() }
        isStopped = true
        condition.broadcast()
    }
}
