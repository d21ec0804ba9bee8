import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// Reads a child's output line by line, detects flooding and samples resource usage; only for the child's own thread.
struct ChildOutputReader {
    /// The result of one read of the child's pipes.
    enum Heard {
        case lines(output: [Data], errors: [Data])
        /// A line exceeds the protocol's limit.
        case tooLong
        /// Standard output was closed.
        case closed
        case nothing
    }

    /// How long one read waits for output.
    private static let watchMilliseconds: Int32 = 100
    /// Messages allowed per request: an initial allowance, and an increase per second. Blank lines count.
    private static let messages = (atOnce: 20_000.0, aSecond: 200.0)
    /// Bytes allowed per request on each pipe: an initial allowance, and an increase per second.
    private static let bytes = (atOnce: Double(4 * StageProtocol.longestLine), aSecond: 1_000_000.0)
    /// The least interval between usage samples of a process group, each of which reads all of `/proc`.
    private static let groupCount = Duration.milliseconds(500)
    /// The least interval between usage samples of a single process.
    private static let count = Duration.milliseconds(50)

    private let limits: WorkerLimits
    private var output = LineBuffer()
    private var errors = LineBuffer(limit: 1 << 20)
    private var errorsAreOpen = true
    private var began: SuspendingClock.Instant?
    private var heard = (messages: 0.0, bytes: 0.0, errorBytes: 0.0, logs: 0.0)
    private var counted = SuspendingClock.now - Self.groupCount
    private var processorBefore: (began: SuspendingClock.Instant, seconds: Double)?
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    init(limits: WorkerLimits) { self.limits = limits }

    /// Waits up to 100 ms for output of the child.
    mutating func read(_ process: ChildProcess) -> Heard {
        var pollers = [
            pollfd(fd: process.output, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errorsAreOpen ? process.errors ?? -1 : -1, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&pollers, nfds_t(pollers.count), Self.watchMilliseconds) > 0 else { return .nothing }
        var said: (output: [Data], errors: [Data]) = ([], [])
        if pollers[1].revents != 0, let file = process.errors {
            switch bytes(of: file) {
            case nil: errorsAreOpen = false
            case let count?:
                heard.errorBytes += Double(count)
                // Free text: split a line that is too long.
                if let lines = errors.take(buffer[..<count]) {
                    said.errors = lines
                } else {
                    said.errors = [errors.rest]
                    errors = LineBuffer(limit: 1 << 20)
                }
            }
        }
        if pollers[0].revents != 0 {
            guard let count = bytes(of: process.output) else {
                return said.errors.isEmpty ? .closed : .lines(output: [], errors: said.errors)
            }
            heard.bytes += Double(count)
            let ends = output.ends
            guard let lines = output.take(buffer[..<count]) else { return .tooLong }
            heard.messages += Double(output.ends - ends)
            said.output = lines
        }
        return .lines(output: said.output, errors: said.errors)
    }

    /// Reads the rest of standard error after the process has ended.
    mutating func lastErrors(_ process: ChildProcess) -> [String] {
        guard errorsAreOpen, let file = process.errors else { return [] }
        _ = fcntl(file, F_SETFL, O_NONBLOCK)
        var lines: [Data] = []
        for _ in 0..<16 {
            guard let count = bytes(of: file), count > 0 else { break }
            lines += errors.take(buffer[..<count]) ?? []
        }
        if !errors.rest.isEmpty { lines.append(errors.rest) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads into `buffer` and returns the number of bytes; nil at the end of the stream.
    private mutating func bytes(of file: Int32) -> Int? {
        let count = Glibc.read(file, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return 0 }
        return count > 0 ? count : nil
    }

    /// Whether the child has sent too much since its request began at `moment`; nil for an idle child. Check this
    /// before using what was read.
    mutating func isFlood(since moment: SuspendingClock.Instant?) -> Bool {
        begin(moment)
        let seconds = moment.map { (SuspendingClock.now - $0).inSeconds } ?? 0
        return heard.messages > Self.messages.atOnce + Self.messages.aSecond * seconds
            || max(heard.bytes, heard.errorBytes) > Self.bytes.atOnce + Self.bytes.aSecond * seconds
    }

    /// Whether to log one more line that is not a message.
    mutating func admitsLog(since moment: SuspendingClock.Instant) -> Bool {
        begin(moment)
        heard.logs += 1
        return heard.logs <= 1000 + 50 * (SuspendingClock.now - moment).inSeconds
    }

    private mutating func begin(_ moment: SuspendingClock.Instant?) {
        guard let moment, began != moment else { return }
        began = moment
        heard = (0, 0, 0, 0)
    }

    /// The child's resource usage, with processor time counted from `moment`; nil if the last sample is recent or the
    /// process is gone.
    mutating func usage(
        of process: ChildProcess, since moment: SuspendingClock.Instant
    ) -> (memory: Int64, processor: Double)? {
        let now = SuspendingClock.now
        guard now - counted >= (limits.countsGroup ? Self.groupCount : Self.count) else { return nil }
        counted = now
        guard let usage = limits.countsGroup ? process.groupUsage : process.usage else { return nil }
        if processorBefore?.began != moment { processorBefore = (moment, usage.processor) }
        return (usage.memory, usage.processor - (processorBefore?.seconds ?? 0))
    }
}
