import Foundation
import Glibc
import PipelineKit
import PluginProtocol

/// Supervises one child on the thread that started it: passes its messages to the worker, enforces the limits, and
/// reaps it.
struct ChildSupervisor {
    /// The longest line on standard error to log or keep.
    private static let longestErrorText = 2000
    /// The inspected bytes of a line that is not a message.
    private static let longestText = 1 << 20

    private let process: ChildProcess
    private let worker: StageWorker
    private let limits: WorkerLimits
    private let redact: @Sendable (String) -> String
    private var output: WorkerOutput
    private var usage: UsageSampler
    /// Why the host kills the child; nil while it is within its limits.
    private var verdict: TerminationReason?
    /// When to send SIGKILL after a verdict.
    private var killTime = SuspendingClock.now

    /// - Parameter redact: Removes secrets from the child's output.
    init(
        _ process: ChildProcess, of worker: StageWorker, limits: WorkerLimits,
        redact: @escaping @Sendable (String) -> String
    ) {
        self.process = process
        self.worker = worker
        self.limits = limits
        self.redact = redact
        output = WorkerOutput(process)
        usage = UsageSampler(process, countsGroup: limits.countsGroup)
    }

    /// Supervises the child until it has ended, and returns why it ended.
    mutating func run() -> TerminationReason {
        var end: TerminationReason?
        while end == nil {
            switch output.read() {
            case .lines(let lines, let errors): handle(lines, errors: errors)
            case .tooLong: verdict = verdict ?? .brokeProtocol("a line that is too long")
            case .closed: end = exitAfterClosing()
            case .nothing: end = process.reaped(waits: false)
            }
            if end == nil { enforceLimits() }
        }
        // Kill the processes that it started.
        process.kill()
        for line in output.remainingErrorLines() { keep(errorLine: redact(line)) }
        process.closeOutputs()
        return verdict ?? end ?? .exited(-1)
    }

    /// Waits for a child that closed its standard output to exit, and kills it if it does not.
    private func exitAfterClosing() -> TerminationReason {
        let deadline = SuspendingClock.now + limits.grace
        while SuspendingClock.now < deadline {
            if let end = process.reaped(waits: false) { return end }
            usleep(2000)
        }
        process.kill()
        _ = process.reaped(waits: true)
        return .brokeProtocol("it closed its standard output but did not exit")
    }

    // MARK: Limits

    private mutating func enforceLimits() {
        if verdict == nil {
            verdict = worker.violation ?? usageViolation()
            killTime = .now
            // It ignored the request to stop: send SIGTERM first, so that it can clean up.
            if verdict == .stopped {
                process.terminate()
                killTime += min(limits.grace, .milliseconds(500))
            }
        }
        if verdict != nil, .now >= killTime { process.kill() }
    }

    /// Checks the limits of memory and processor time.
    private mutating func usageViolation() -> TerminationReason? {
        // Memory is limited even while the child is idle.
        let currentStart = worker.currentRequestStart
        guard let usage = usage.sample(since: currentStart ?? worker.lastRequestStart) else { return nil }
        if usage.memory > limits.memory.bytes { return .overMemory(limit: limits.memory) }
        if currentStart != nil, let processor = limits.processor, usage.processor > processor.inSeconds {
            return .overProcessor(limit: processor)
        }
        return nil
    }

    // MARK: Lines

    private mutating func handle(_ lines: [Data], errors: [Data]) {
        if verdict == nil, output.isFlood(since: worker.currentRequestStart) {
            verdict = .brokeProtocol("too many messages or too much output")
        }
        handle(errors: errors)
        for line in lines where verdict == nil { verdict = handle(line) }
    }

    private mutating func handle(errors lines: [Data]) {
        let start = worker.lastRequestStart
        for (index, line) in lines.enumerated() {
            let isLogged = output.admitsLogLine(since: start)
            // Skip lines that are neither logged nor kept.
            guard isLogged || index >= lines.count - WorkerState.errorLineLimit else { continue }
            let text = redact(String(decoding: line.prefix(Self.longestText), as: UTF8.self))
            let kept = keep(errorLine: text)
            if isLogged { worker.log(kept) }
        }
    }

    /// Keeps the start of a redacted line of standard error, and returns it.
    @discardableResult
    private func keep(errorLine: String) -> String {
        let text = String(errorLine.prefix(Self.longestErrorText))
        worker.keep(errorLine: text)
        return text
    }

    /// Handles a line of the child's standard output.
    /// - Returns: Why to kill the child; nil if the line is acceptable.
    private mutating func handle(_ line: Data) -> TerminationReason? {
        guard !line.hasTooManyValues else { return .brokeProtocol("a message with too many values") }
        let message: ChildMessage
        do {
            message = try ChildMessage(line: line)
        } catch {
            // Redact before cutting: half a secret is not recognised.
            let text = redact(String(decoding: line.prefix(Self.longestText), as: UTF8.self))
            let excerpt = String(text.prefix(120))
            guard line.isMeantAsMessage else {
                // Stray output breaks nothing: log it.
                if output.admitsLogLine(since: worker.lastRequestStart) { worker.log(excerpt) }
                return nil
            }
            return .brokeProtocol("\(excerpt)\(text.count > 120 ? "…" : "") (\(Self.reason(for: error)))")
        }
        return worker.receive(message)
    }

    private static func reason(for error: any Error) -> String {
        guard let error = error as? DecodingError else { return "not JSON" }
        switch error {
        case .keyNotFound(let key, _): return "\"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has the wrong type"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }
}

extension Data {
    private static let mostValues = 250_000

    /// Whether a line contains so many values that decoding them would keep this thread from watching the child.
    /// Footage of a whole day has about ten thousand keyframes.
    fileprivate var hasTooManyValues: Bool {
        guard count > Self.mostValues else { return false }
        return withUnsafeBytes { bytes in
            var values = 0
            for byte in bytes where byte == UInt8(ascii: ",") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{")
            {
                values += 1
            }
            return values > Self.mostValues
        }
    }

    /// Whether a line is meant as a message: a JSON object with a `type`.
    fileprivate var isMeantAsMessage: Bool {
        guard first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "{") else { return false }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: self) else {
            return range(of: Data(#""type""#.utf8)) != nil
        }
        return value["type"] != nil
    }
}
