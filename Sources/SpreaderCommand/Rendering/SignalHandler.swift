import CProcess
import Dispatch
import Foundation
import Glibc
import Synchronization

/// The current reaction to an interrupt, which changes once work begins.
final class StopSwitch: Sendable {
    private struct Actions: Sendable {
        var cancel: @Sendable () -> Void
        var giveUp: @Sendable () -> Void
    }
    private let actions: Mutex<Actions>

    /// Until `set` is called, every interrupt calls `action`.
    init(_ action: @escaping @Sendable () -> Void) { actions = Mutex(Actions(cancel: action, giveUp: action)) }

    /// Sets the reaction to the first interrupt, and to work that does not stop in time.
    func set(_ cancel: @escaping @Sendable () -> Void, giveUp: @escaping @Sendable () -> Void) {
        actions.withLock { $0 = Actions(cancel: cancel, giveUp: giveUp) }
    }

    func cancel() { actions.withLock { $0.cancel }() }
    func giveUp() { actions.withLock { $0.giveUp }() }
}

/// A pipe to which the handlers of SIGINT and SIGTERM write, open until the process ends.
private enum SignalPipe {
    /// Written once, before the signal handlers that read it are installed.
    nonisolated(unsafe) private static var ends: (read: Int32, write: Int32) = (-1, -1)
    private static let opening = Mutex(())

    /// Opens the pipe and installs the signal handlers.
    /// - Returns: The read end; nil if the pipe can't be opened, in which case signals end the process as usual.
    static func open() -> Int32? {
        opening.withLock { _ in
            if ends.read < 0 {
                var made: [Int32] = [-1, -1]
                guard spreader_pipe(&made) == 0 else { return nil }
                // A signal handler must not block.
                for end in made { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
                ends = (made[0], made[1])
            }
            for number in [SIGINT, SIGTERM] {
                var action = sigaction()
                action.__sigaction_handler.sa_handler = { _ in
                    var byte: UInt8 = 1
                    _ = write(SignalPipe.ends.write, &byte, 1)
                }
                action.sa_flags = SA_RESTART
                sigaction(number, &action, nil)
            }
            return ends.read
        }
    }

    /// The number of signals since the last call.
    static func take() -> Int {
        var bytes = [UInt8](repeating: 0, count: 16)
        return max(0, read(ends.read, &bytes, bytes.count))
    }
}

/// Turns SIGINT and SIGTERM into cancellation, and ends the process if the work does not stop in time.
final class SignalHandler: Sendable {
    /// How long work may take to stop, in seconds. The contract is 3 s in total.
    private static let grace = 2.4
    /// Safe to share: only `init` writes it, and a dispatch source may be cancelled from any thread.
    nonisolated(unsafe) private let sources: [any DispatchSourceRead]
    private let state = Mutex((signals: 0, isOver: false))

    /// Watches for signals until ``stop()``.
    /// - Parameters:
    ///   - cancel: Called at the first signal.
    ///   - giveUp: Called at the second signal or when the work has not stopped in time, right before the process exits
    ///     with 130.
    init(cancel: @escaping @Sendable () -> Void, giveUp: @escaping @Sendable () -> Void) {
        let queue = DispatchQueue.global(qos: .userInitiated)
        // A signal that arrives before the source is resumed stays in the pipe.
        sources = SignalPipe.open().map { [DispatchSource.makeReadSource(fileDescriptor: $0, queue: queue)] } ?? []
        for source in sources {
            source.setEventHandler { [weak self] in
                let count = SignalPipe.take()
                guard let self, count > 0 else { return }
                let signals = state.withLock { state in
                    state.signals += count
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
        let interruption = SignalHandler {
            work.cancel()
        } giveUp: {
        }
        defer { interruption.stop() }
        return try await work.value.get()
    }

    /// Stops watching for signals. The process no longer exits if the work is slow to stop.
    func stop() {
        state.withLock { $0.isOver = true }
        for source in sources { source.cancel() }
    }
}
