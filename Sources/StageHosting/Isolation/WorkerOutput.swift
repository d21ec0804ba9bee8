import Foundation
import PipelineKit
import PluginProtocol

/// The output of a child that speaks the protocol: splits it into lines, and counts them to detect floods. Use it only
/// on the child's own thread.
struct WorkerOutput {
    /// The result of one read.
    enum Reading {
        case lines(output: [Data], errors: [Data])
        /// A line exceeds the protocol's limit.
        case tooLong
        /// The child closed its standard output.
        case closed
        case nothing
    }

    /// An allowance per request: an initial amount, and an increase per second.
    private struct Allowance {
        let initial: Double
        let perSecond: Double

        func admits(_ amount: Int, after seconds: Double) -> Bool { Double(amount) <= initial + perSecond * seconds }
    }

    private struct Counts {
        /// Messages; blank lines count.
        var messages = 0
        var outputBytes = 0
        var errorBytes = 0
        var logLines = 0
    }

    private static let messages = Allowance(initial: 20_000, perSecond: 200)
    /// The bytes of each stream.
    private static let bytes = Allowance(initial: Double(4 * StageProtocol.longestLine), perSecond: 1_000_000)
    private static let logLines = Allowance(initial: 1000, perSecond: 50)
    private static let longestErrorLine = 1 << 20

    private var reader: ChildOutputReader
    private var output = LineBuffer()
    private var errors = LineBuffer(limit: longestErrorLine)
    private var requestStart: SuspendingClock.Instant?
    private var counts = Counts()

    init(_ process: ChildProcess) { reader = ChildOutputReader(process) }

    /// Waits up to 100 ms for output of the child.
    mutating func read() -> Reading {
        guard let chunk = reader.read(within: reader.outputIsOpen ? ChildOutputReader.interval : .zero) else {
            return reader.outputIsOpen ? .nothing : .closed
        }
        let errorLines = split(errors: chunk.errors)
        guard reader.outputIsOpen else {
            return errorLines.isEmpty ? .closed : .lines(output: [], errors: errorLines)
        }
        counts.outputBytes += chunk.output.count
        let newlines = output.newlineCount
        guard let lines = output.append(chunk.output) else { return .tooLong }
        counts.messages += output.newlineCount - newlines
        return .lines(output: lines, errors: errorLines)
    }

    private mutating func split(errors bytes: Data) -> [Data] {
        counts.errorBytes += bytes.count
        if let lines = errors.append(bytes) { return lines }
        // Free text: cut a line that is too long.
        let line = errors.remainder
        errors = LineBuffer(limit: Self.longestErrorLine)
        return [line]
    }

    /// Reads the rest of standard error after the process has ended.
    mutating func remainingErrorLines() -> [String] {
        var lines = split(errors: reader.remainingErrors())
        if !errors.remainder.isEmpty { lines.append(errors.remainder) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the child has sent too much since its request started; nil for an idle child. Check this before using
    /// what was read.
    mutating func isFlood(since start: SuspendingClock.Instant?) -> Bool {
        resetCounts(at: start)
        let seconds = start.map { (SuspendingClock.now - $0).inSeconds } ?? 0
        return !Self.messages.admits(counts.messages, after: seconds)
            || !Self.bytes.admits(max(counts.outputBytes, counts.errorBytes), after: seconds)
    }

    /// Whether to log one more line that is not a message.
    mutating func admitsLogLine(since start: SuspendingClock.Instant) -> Bool {
        resetCounts(at: start)
        counts.logLines += 1
        return Self.logLines.admits(counts.logLines, after: (SuspendingClock.now - start).inSeconds)
    }

    /// Starts to count again if another request has started.
    private mutating func resetCounts(at start: SuspendingClock.Instant?) {
        guard let start, requestStart != start else { return }
        requestStart = start
        counts = Counts()
    }
}
