import Dispatch
import Foundation
import Glibc
import Synchronization

/// What an interrupt does right now: it changes once work begins.
final class StopSwitch: Sendable {
    private struct Actions: Sendable {
        var cancel: @Sendable () -> Void
        var giveUp: @Sendable () -> Void
    }
    private let actions: Mutex<Actions>

    /// Before work begins, an interrupt does `action` at once.
    init(_ action: @escaping @Sendable () -> Void) { actions = Mutex(Actions(cancel: action, giveUp: action)) }

    /// Sets what the first interrupt does, and what happens when work does not stop in time.
    func set(_ cancel: @escaping @Sendable () -> Void, giveUp: @escaping @Sendable () -> Void) {
        actions.withLock { $0 = Actions(cancel: cancel, giveUp: giveUp) }
    }

    func cancel() { actions.withLock { $0.cancel }() }
    func giveUp() { actions.withLock { $0.giveUp }() }
}

/// Turns SIGINT and SIGTERM into cancellation; when work does not stop in time, ends the process all the same.
final class Interruption: Sendable {
    /// How long work may take to stop: the contract is 3 s in all.
    private static let grace = 2.4
    /// Written by `init` alone; a dispatch source may be cancelled from any thread.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let state = Mutex((signals: 0, isOver: false))

    /// Watches until ``stop()``.
    /// - Parameters:
    ///   - cancel: Called at the first signal.
    ///   - giveUp: Called when the work has not stopped in time, right before the process exits with 130.
    init(cancel: @escaping @Sendable () -> Void, giveUp: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue.global(qos: .userInitiated)
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for source in sources {
            source.setEventHandler { [weak self] in
                guard let self else { return }
                let signals = state.withLock { state in
                    state.signals += 1
                    return state.signals
                }
                if signals > 1 {
                    giveUp()
                    _exit(130)
                }
                cancel()
                queue.asyncAfter(deadline: .now() + Self.grace) { [weak self] in
                    guard let self, !state.withLock({ $0.isOver }) else { return }
                    giveUp()
                    _exit(130)
                }
            }
            source.resume()
        }
    }

    /// Runs `body` as a task that the first signal cancels.
    static func cancelling<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let work = Task { () async -> Result<Value, Failure> in
            do throws(Failure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        let interruption = Interruption {
            work.cancel()
        } giveUp: {
        }
        defer { interruption.stop() }
        return try await work.value.get()
    }

    /// Stops watching.
    func stop() {
        state.withLock { $0.isOver = true }
        for source in sources { source.cancel() }
    }
}
