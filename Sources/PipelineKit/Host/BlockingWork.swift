import Foundation
import Synchronization

/// A flag that says "stop": set from any thread, read by blocking work between its steps.
public final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A flag that is not set.
    public init() {}

    /// Asks the work to stop.
    public func cancel() { flag.store(true, ordering: .relaxed) }

    /// Whether the work was asked to stop.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// Runs blocking library calls on a thread of their own, so that they never hold up the cooperative pool.
public enum BlockingWork {
    /// Runs `body` on a new thread and waits for it without blocking.
    ///
    /// When the calling task is cancelled the flag is set; `body` decides how soon it looks. The call returns only
    /// after `body` has: nothing goes on behind the caller's back.
    /// - Parameter name: Name of the thread, as debuggers and `top -H` show it.
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
