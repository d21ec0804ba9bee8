import Foundation
import PipelineKit

/// The threads of one job: the first failure stops the others and becomes the job's error.
final class WorkerThreads: @unchecked Sendable {
    // `condition` guards the mutable state; `stoppables` does not change after the first thread starts.
    private let condition = NSCondition()
    private var failure: MediaError?
    private var working = 0
    private let cancellation: CancellationFlag
    private let log: MediaLog
    private var stoppables: [any Stoppable] = []

    init(cancellation: CancellationFlag, log: MediaLog) {
        self.cancellation = cancellation
        self.log = log
    }

    /// Registers a queue or clock that threads block on, so that a failure wakes them. Call before the first `start`.
    func stopOnFailure(_ stoppable: any Stoppable) { stoppables.append(stoppable) }

    /// Runs `body` on a new thread.
    /// - Parameter name: Shown by debuggers and `top -H`; at most 15 bytes.
    func start(_ name: String, _ body: @escaping @Sendable () throws(MediaError) -> Void) {
        condition.lock()
        working += 1
        condition.unlock()
        let thread = Thread { [self] in
            do throws(MediaError) {
                try log.attached(body)
            } catch {
                fail(error)
            }
            condition.lock()
            working -= 1
            condition.broadcast()
            condition.unlock()
        }
        thread.name = name
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// Waits until every thread has ended.
    /// - Throws: The first failure, or `MediaError.cancelled` if the job was cancelled.
    func join() throws(MediaError) {
        condition.lock()
        while working > 0 {
            // A blocked thread does not check the flag: wake it from here.
            if cancellation.isCancelled, failure == nil {
                failure = .cancelled("working")
                stopAll()
            }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
        }
        let failure = failure
        condition.unlock()
        if let failure { throw failure }
    }

    private func fail(_ error: MediaError) {
        condition.lock()
        defer { condition.unlock() }
        guard failure == nil else { return }
        failure = error
        stopAll()
    }

    private func stopAll() {
        for stoppable in stoppables { stoppable.stop() }
    }
}
