import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// What a child says, line by line, and whether it says more than it may; for the one thread that listens.
struct Conversation {
    /// What one look at the child's pipes gave.
    enum Heard {
        case lines(output: [Data], errors: [Data])
        /// A line beyond what the protocol allows.
        case tooLong
        /// Standard output was closed.
        case closed
        case nothing
    }

    /// How often the process is looked at.
    private static let watchMilliseconds: Int32 = 100
    /// Messages that one request may have at once, and those that each second adds; blank lines count.
    private static let messages = (atOnce: 20_000.0, aSecond: 200.0)
    /// Bytes that one request may have at once, and those that each second adds; of each pipe.
    private static let bytes = (atOnce: Double(4 * StageProtocol.longestLine), aSecond: 1_000_000.0)
    /// How often a whole group is counted, which reads all of `/proc`.
    private static let groupCount = Duration.milliseconds(500)
    /// How often one process is counted, however much it says.
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

    /// Waits a moment for the child to say something.
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
                // Text for people: a line without end is cut.
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

    /// What is left on standard error after the end.
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

    /// Bytes that were read; nil at the end.
    private mutating func bytes(of file: Int32) -> Int? {
        let count = Glibc.read(file, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return 0 }
        return count > 0 ? count : nil
    }

    /// Whether a request, or an idle child, has said more than anyone can read. To be asked before what was read is
    /// used.
    mutating func isFlood(since moment: SuspendingClock.Instant?) -> Bool {
        begin(moment)
        let seconds = moment.map { (SuspendingClock.now - $0).inSeconds } ?? 0
        return heard.messages > Self.messages.atOnce + Self.messages.aSecond * seconds
            || max(heard.bytes, heard.errorBytes) > Self.bytes.atOnce + Self.bytes.aSecond * seconds
    }

    /// Whether one more line that is no message is worth a log line.
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

    /// What the child uses, its processor time counted from `moment` on; nil when it is not the time to look.
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
