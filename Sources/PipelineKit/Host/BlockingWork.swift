import Foundation
import Synchronization

/// A thread-safe flag that asks blocking work to stop.
///
/// Check ``isCancelled`` between steps, such as blocks of a file or frames, and throw ``StageError/cancelled``.
public final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    public init() {}

    public func cancel() { flag.store(true, ordering: .relaxed) }

    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// Runs blocking library calls on a thread of their own, to keep them off the cooperative pool.
public enum BlockingWork {
    /// Runs `body` on a new thread and suspends until it returns.
    ///
    /// Cancelling the task sets the flag; `body` has to check it. The call always waits for `body` to return, so no
    /// work continues in the background.
    /// - Parameter name: The thread's name in debuggers and `top -H`.
    public static func run<Value: Sendable, Failure: Error>(
        name: String, _ body: @escaping @Sendable (CancellationFlag) throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let flag = CancellationFlag()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
                let thread = Thread {
                    let result: Result<Value, Failure>
                    do throws(Failure) {
                        result = .success(try body(flag))
                    } catch {
                        result = .failure(error)
                    }
                    continuation.resume(returning: result)
                }
                thread.name = name
                thread.stackSize = 8 << 20
                thread.start()
            }
        } onCancel: {
            flag.cancel()
        }
        return try result.get()
    }
}
