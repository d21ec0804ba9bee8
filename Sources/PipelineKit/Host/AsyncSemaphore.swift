import Synchronization

/// A counting semaphore for tasks, first come, first served. A task that is cancelled while it waits leaves the queue.
package final class AsyncSemaphore: Sendable {
    private struct Waiter {
        let id: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var free: Int
        var waiters: [Waiter] = []
        var nextID = 0
    }

    private enum Admission {
        case admitted
        case queued
        case cancelled
    }

    private let state: Mutex<State>

    package init(permits: Int) { state = Mutex(State(free: permits)) }

    /// Runs `body` while holding a permit.
    /// - Throws: Errors of `body`, and `CancellationError` if the task is cancelled before it gets a permit.
    package func withPermit<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await acquire()
        defer { release() }
        return try await body()
    }

    private func acquire() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                switch admit(Waiter(id: id, continuation: continuation)) {
                case .admitted: continuation.resume()
                case .queued: break
                case .cancelled: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            remove(id)?.resume(throwing: CancellationError())
        }
    }

    /// Admits a waiter if a permit is free; otherwise queues it, unless its task was cancelled.
    ///
    /// A cancellation after the check finds the waiter in the queue, because the handler needs the same lock.
    private func admit(_ waiter: Waiter) -> Admission {
        state.withLock { state in
            if Task.isCancelled { return .cancelled }
            if state.free > 0 {
                state.free -= 1
                return .admitted
            }
            state.waiters.append(waiter)
            return .queued
        }
    }

    /// Takes a waiter out of the queue; returns nil if it isn't queued, because it was already admitted.
    private func remove(_ id: Int) -> CheckedContinuation<Void, any Error>? {
        state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
        }
    }

    /// Passes the permit to the first waiter, or frees it.
    private func release() {
        let next = state.withLock { state -> Waiter? in
            if state.waiters.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume()
    }
}
