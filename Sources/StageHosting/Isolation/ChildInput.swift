import Dispatch
import Foundation
import Glibc
import PluginProtocol
import Synchronization

/// Writes lines to a child's standard input, in order and from any thread.
///
/// Never blocks the caller, even if the child does not read. Writes what fits into the pipe at once, because switching
/// threads costs more than the write, and the rest in the background.
final class ChildInput: Sendable {
    private struct State {
        /// The write end; nil once closed.
        var descriptor: Int32?
        /// Lines queued for the background, and their bytes.
        var queued = 0
        var queuedBytes = 0
    }

    /// The limit of queued bytes for a child that does not read.
    private static let mostQueuedBytes = 4 * StageProtocol.longestLine

    private let state: Mutex<State>
    private let background = DispatchQueue(label: "child-input")

    /// Takes ownership of the write end of a pipe.
    init(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        state = Mutex(State(descriptor: descriptor))
    }

    /// Writes a line, or drops it if the child closed the pipe: the child's thread notices that.
    /// - Returns: False if too many bytes are queued already.
    func send(_ line: Data) -> Bool {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return true }
            var sent = 0
            if state.queued == 0 {
                guard let count = Self.write(line, from: 0, to: descriptor) else { return true }
                sent = count
            }
            if sent == line.count { return true }
            guard state.queuedBytes <= Self.mostQueuedBytes else { return false }
            let rest = line.count - sent
            state.queued += 1
            state.queuedBytes += rest
            // Enqueue within the lock to keep the lines in order.
            background.async { [self, sent] in
                finish(line, from: sent, to: descriptor)
                self.state.withLock { state in
                    state.queued -= 1
                    state.queuedBytes -= rest
                }
            }
            return true
        }
    }

    /// Closes the pipe after all queued lines.
    func close() {
        background.async { [self] in
            let descriptor = state.withLock { state in
                defer { state.descriptor = nil }
                return state.descriptor
            }
            if let descriptor { Glibc.close(descriptor) }
        }
    }

    /// Writes the rest of a line, however long the child takes to read it. The descriptor stays open meanwhile, because
    /// only the background queue closes it.
    private func finish(_ line: Data, from start: Int, to descriptor: Int32) {
        var sent = start
        while sent < line.count {
            var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&room, 1, -1)
            guard let count = Self.write(line, from: sent, to: descriptor) else { return }
            sent += count
        }
    }

    /// Writes as much as the pipe has room for.
    /// - Returns: The number of bytes written; nil if the child closed the pipe. SIGPIPE is blocked and discarded.
    private static func write(_ line: Data, from start: Int, to descriptor: Int32) -> Int? {
        var pipeSignal = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return line.withUnsafeBytes { bytes in
            var sent = start
            while sent < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent)
                if count >= 0 {
                    sent += count
                    continue
                }
                switch errno {
                case EINTR: continue
                case EAGAIN: return sent - start
                default:
                    var now = timespec()
                    while sigtimedwait(&pipeSignal, nil, &now) == SIGPIPE {}
                    return nil
                }
            }
            return sent - start
        }
    }
}
