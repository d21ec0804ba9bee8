import Foundation
import PipelineKit

/// Threads that work on one job: they end together, and the first failure is the job's.
final class Crew: @unchecked Sendable {
    // Shared state is touched only while `condition` is held; `lines` is complete before the first thread starts.
    private let condition = NSCondition()
    private var failure: MediaError?
    private var working = 0
    private let cancellation: CancellationFlag
    private let log: MediaLog
    private var lines: [any Stoppable] = []

    init(cancellation: CancellationFlag, log: MediaLog) {
        self.cancellation = cancellation
        self.log = log
    }

    /// Names what threads may wait for, so that a failure wakes them.
    func connect(_ line: any Stoppable) { lines.append(line) }

    /// Starts a thread.
    /// - Parameter name: As debuggers and `top -H` show it, at most 15 bytes.
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
    /// - Throws: The first failure; `MediaError.cancelled` when the job was asked to stop.
    func join() throws(MediaError) {
        condition.lock()
        while working > 0 {
            // A thread that waits for another one does not look at the flag.
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
        for line in lines { line.stop() }
    }
}
