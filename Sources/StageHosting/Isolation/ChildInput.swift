import Dispatch
import Foundation
import Glibc
import PipelineKit
import PluginProtocol
import Synchronization

/// The host's end of a child's standard input: takes lines from any thread, in order.
///
/// A child that does not read holds nobody up. What its pipe has room for is written at once, since a hand-over to
/// another thread costs more than the writing; the rest follows in the background.
final class ChildInput: Sendable {
    private struct State {
        /// Nil once closed.
        var descriptor: Int32?
        /// Lines that wait for the background, and their bytes.
        var waiting = 0
        var waitingBytes = 0
    }

    /// No more is kept for a child that does not read.
    private static let mostWaiting = 4 * StageProtocol.longestLine

    private let state: Mutex<State>
    private let background = DispatchQueue(label: "child-input")

    /// Takes over the write end of a pipe.
    init(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        state = Mutex(State(descriptor: descriptor))
    }

    /// Writes a line; one that finds no reader any more is lost, which is noticed elsewhere.
    /// - Returns: False when more waits already than is kept for a child.
    func send(_ line: Data) -> Bool {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return true }
            var sent = 0
            if state.waiting == 0 {
                guard let count = Self.write(line, from: 0, to: descriptor) else { return true }
                sent = count
            }
            if sent == line.count { return true }
            guard state.waitingBytes <= Self.mostWaiting else { return false }
            let rest = line.count - sent
            state.waiting += 1
            state.waitingBytes += rest
            // Within the lock, so that lines stay in the order in which they were given.
            background.async { [self, sent] in
                finish(line, from: sent, to: descriptor)
                self.state.withLock { state in
                    state.waiting -= 1
                    state.waitingBytes -= rest
                }
            }
            return true
        }
    }

    /// Closes the line after what was given before.
    func close() {
        background.async { [self] in
            let descriptor = state.withLock { state in
                defer { state.descriptor = nil }
                return state.descriptor
            }
            if let descriptor { Glibc.close(descriptor) }
        }
    }

    /// Writes the rest of a line, however long the child takes to read. Only the background closes the descriptor, so it
    /// stays open meanwhile.
    private func finish(_ line: Data, from start: Int, to descriptor: Int32) {
        var sent = start
        while sent < line.count {
            var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&room, 1, -1)
            guard let count = Self.write(line, from: sent, to: descriptor) else { return }
            sent += count
        }
    }

    /// Writes what there is room for.
    /// - Returns: How many bytes that was; nil when nobody reads any more, which is an answer here and no signal.
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
