import Foundation
import Glibc
package import PipelineKit
import PluginProtocol
import Synchronization

/// The resource limits of a child; the host kills a child that exceeds one.
package struct WorkerLimits: Sendable, Hashable {
    package var memory = ByteCount.gigabytes(4)
    /// The longest time without a message during a request.
    package var stall = Duration.seconds(300)
    /// The longest time until the child answers the greeting.
    package var start = Duration.seconds(20)
    /// How long the child may take to stop when asked to, before it receives SIGTERM and then SIGKILL.
    package var grace = Duration.milliseconds(1500)
    /// Processor time of one request; nil for no limit.
    package var processor: Duration?
    /// Wall time of one request; nil for no limit.
    package var time: Duration?
    /// Whether the limits apply to all processes of its group together, for children that may start others.
    package var countsGroup = false

    package init() {}
}

/// One child process that runs stages, one request at a time, and the thread that watches it.
package final class StageWorker: Sendable {
    /// Why a request failed.
    enum Failure: Error {
        /// The stage reported an error.
        case stage(StageError)
        /// The process ended before it answered.
        case ended(TerminationReason)
    }

    private struct Pending {
        var id: Int
        var continuation: CheckedContinuation<Result<ResultMessage, Failure>, Never>
        var events: @Sendable (ChildMessage) -> Void
    }

    private struct State {
        /// The child's standard input; nil before the start and once closed.
        var input: ChildInput?
        var isGreeted = false
        var ready: ChildReady?
        var pending: Pending?
        var lastID = 0
        var end: TerminationReason?
        /// Service calls that the host has not answered yet: a child that waits for them is not stalled.
        var questions = 0
        /// The start of the current wait, and the time waited during the request before that.
        var waitingSince = SuspendingClock.now
        var waited = Duration.zero
        /// When the child last sent a message, or received work or an answer.
        var lastSign = SuspendingClock.now
        /// When the current request began.
        var began = SuspendingClock.now
        /// Why to kill the child, if sending to it failed.
        var verdict: TerminationReason?
        /// When to kill the child after asking it to stop.
        var deadline: SuspendingClock.Instant?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// The inspected bytes of a line that is not a message.
    private static let longestText = 1 << 20
    /// The number of last lines on standard error to keep.
    private static let lastLines = 8
    /// The most waiting for the host that does not count towards a request's time limit: the longest wait for a permit.
    /// Limited, because a child could keep a call open all the time.
    private static let longestWait = Duration.seconds(3600)
    private let limits: WorkerLimits
    private let redact: @Sendable (String) -> String
    private let state = Mutex(State())
    private let lastErrors = Mutex<[String]>([])
    private let served = Atomic<Int>(0)

    /// Whether the child has run a stage before.
    var isUsed: Bool { served.load(ordering: .relaxed) > 0 }
    /// Whether the child can take a request.
    var isAlive: Bool { state.withLock { $0.end == nil && $0.ready != nil && $0.input != nil } }
    /// Whether the process has ended.
    var hasEnded: Bool { state.withLock { $0.end != nil } }
    /// The child's answer to the greeting; nil until it arrives.
    var ready: ChildReady? { state.withLock { $0.ready } }
    /// The child's last lines on standard error; nil if there were none.
    var lastWords: String? { lastErrors.withLock { $0.isEmpty ? nil : $0.joined(separator: "\n") } }

    /// Starts a child, which then waits for the greeting.
    /// - Parameter redact: Removes secrets from the child's output.
    init(
        _ launch: WorkerLaunch, limits: WorkerLimits, redact: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.limits = limits
        self.redact = redact
        // This thread lives as long as the child: the kernel kills the child when the thread that started it ends.
        let thread = Thread { [self] in live(launch) }
        thread.name = "stage-worker"
        thread.start()
    }

    /// Sends the greeting and waits for the answer.
    /// - Throws: `Failure.ended` if the process ends first.
    func greet(_ hello: HostHello) async throws(Failure) -> ChildReady {
        await wait { $0.input != nil || $0.end != nil }
        state.withLock {
            $0.isGreeted = true
            $0.lastSign = .now
        }
        send(.hello(hello))
        await wait { $0.ready != nil || $0.end != nil }
        let (ready, end) = state.withLock { ($0.ready, $0.end) }
        if let end { throw .ended(end) }
        guard let ready else { throw .ended(.neverReady("it did not answer")) }
        return ready
    }

    /// Sends a request and waits for the result.
    ///
    /// If the calling task is cancelled, the host asks the child to stop, and kills it if it does not.
    /// - Parameters:
    ///   - message: Creates the request with the given id.
    ///   - events: Receives progress, log lines and service calls, in order.
    func perform(
        _ message: (Int) -> HostMessage, events: @escaping @Sendable (ChildMessage) -> Void
    ) async throws(Failure) -> ResultMessage {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let line = message(id)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let end: TerminationReason? = state.withLock { state in
                    if let end = state.end { return end }
                    state.pending = Pending(id: id, continuation: continuation, events: events)
                    state.lastSign = .now
                    state.began = .now
                    (state.questions, state.waited) = (0, .zero)
                    state.deadline = nil
                    return nil
                }
                if let end { return continuation.resume(returning: .failure(.ended(end))) }
                send(line)
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
        if case .run = line { served.add(1, ordering: .relaxed) }
        return try result.get()
    }

    private func cancel(_ id: Int) {
        let isRunning = state.withLock { state in
            guard state.pending?.id == id else { return false }
            state.deadline = state.deadline ?? .now + limits.grace
            return true
        }
        if isRunning { send(.cancel(id: id)) }
    }

    /// Sends a message. Ignores a closed pipe: the child's thread notices that the child is gone.
    private func send(_ message: HostMessage) {
        guard let line = try? message.line() else {
            if let id = message.requestID {
                let error = StageError(.internalFault, "the request can't be encoded as JSON")
                conclude(id, .failure(.stage(error)))
            }
            return
        }
        state.withLock { Self.write(line, &$0) }
    }

    /// Answers a service call of the request `id`. Sends nothing if that request is over, so that the next one does not
    /// receive the answer.
    func send(_ answer: ServiceAnswer, of id: Int) {
        let line: Data
        do {
            line = try HostMessage.answer(answer).line()
        } catch {
            let failure = StageError(.internalFault, "the answer can't be encoded as JSON")
            let refusal = ServiceAnswer(request: answer.request, error: FailureMessage(failure))
            guard let plain = try? HostMessage.answer(refusal).line() else { return }
            line = plain
        }
        state.withLock { state in
            guard state.pending?.id == id else { return }
            state.questions = max(0, state.questions - 1)
            if state.questions == 0 { state.waited += .now - state.waitingSince }
            state.lastSign = .now
            // Write within the lock: the request could end as soon as the lock is released.
            Self.write(line, &state)
        }
    }

    private static func write(_ line: Data, _ state: inout State) {
        if state.input?.send(line) == false {
            state.verdict = state.verdict ?? .brokeProtocol("it does not read its standard input")
        }
    }

    /// Shuts the child down and waits until it has ended.
    package func close() async {
        state.withLock { $0.deadline = $0.deadline ?? .now + limits.grace }
        if state.withLock({ $0.ready != nil }) { send(.shutdown) }
        closeInput()
        await wait { $0.end != nil }
    }

    private func closeInput() {
        let input = state.withLock { state in
            defer { state.input = nil }
            return state.input
        }
        input?.close()
    }

    private func wait(until condition: @Sendable (borrowing State) -> Bool) async {
        var isMet = false
        while !isMet {
            await withCheckedContinuation { continuation in
                isMet = state.withLock { state in
                    if condition(state) { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if isMet { continuation.resume() }
            }
        }
    }

    // MARK: The child's own thread

    private func live(_ launch: WorkerLaunch) {
        let process: ChildProcess
        do throws(POSIXError) {
            process = try ChildProcess.start(launch)
        } catch {
            return finish(.neverReady("\(launch.executable): \(String(cString: strerror(error.code.rawValue)))"))
        }
        let input = ChildInput(process.input)
        signalWaiters { $0.input = input }
        // If the host is killed, this helper ends the processes that a plugin has started.
        let guardian = launch.keepsGroup ? ProcessGroupReaper(of: process) : nil
        defer { guardian?.end() }
        var talk = ChildOutputReader(limits: limits)
        var verdict: TerminationReason?
        var end: TerminationReason?
        var killing = SuspendingClock.now
        while end == nil {
            switch talk.read(process) {
            case .lines(let output, let errors):
                let flooded = state.withLock { $0.pending != nil ? $0.began : nil }
                if verdict == nil, talk.isFlood(since: flooded) {
                    verdict = .brokeProtocol("too many messages or too much output")
                }
                heard(errors: errors, &talk)
                for line in output where verdict == nil { verdict = take(line, &talk) }
            case .tooLong: verdict = verdict ?? .brokeProtocol("a line that is too long")
            case .closed:
                end = leave(process)
                continue
            case .nothing: end = process.reaped(waits: false)
            }
            if end != nil { break }
            if verdict == nil {
                verdict = watch(process, &talk)
                // It ignored the request to stop: send SIGTERM first, so that it can clean up.
                if verdict == .stopped {
                    process.terminate()
                    killing = .now + min(limits.grace, .milliseconds(500))
                } else {
                    killing = .now
                }
            }
            if verdict != nil, .now >= killing { process.kill() }
        }
        let fate = verdict ?? end ?? .exited(-1)
        // Kill the processes that it started.
        process.kill()
        for line in talk.lastErrors(process) { keep(error: String(redact(line).prefix(2000))) }
        Glibc.close(process.output)
        if let errors = process.errors { Glibc.close(errors) }
        finish(fate)
    }

    /// Waits for a child that closed its standard output to exit, and kills it if it does not.
    private func leave(_ process: ChildProcess) -> TerminationReason? {
        let deadline = SuspendingClock.now + limits.grace
        while SuspendingClock.now < deadline {
            if let end = process.reaped(waits: false) { return end }
            usleep(2000)
        }
        process.kill()
        _ = process.reaped(waits: true)
        return .brokeProtocol("it closed its standard output but did not exit")
    }

    /// Handles a line of the child's output.
    /// - Returns: Why to kill the child; nil if the line is acceptable.
    private func take(_ line: Data, _ talk: inout ChildOutputReader) -> TerminationReason? {
        guard !Self.isCrowded(line) else { return .brokeProtocol("a message with too many values") }
        let message: ChildMessage
        do {
            message = try ChildMessage(line: line)
        } catch {
            // Redact before cutting: half a secret is not recognised.
            let text = redact(String(decoding: line.prefix(Self.longestText), as: UTF8.self))
            let shown = String(text.prefix(120))
            guard Self.isMessage(line) else {
                // Stray output breaks nothing: log it.
                if talk.admitsLog(since: state.withLock { $0.began }) { log(shown) }
                return nil
            }
            return .brokeProtocol("\(shown)\(text.count > 120 ? "…" : "") (\(Self.reason(error)))")
        }
        return take(message)
    }

    /// Whether a line contains so many values that decoding them would keep this thread from watching the child.
    /// Footage of a whole day has about ten thousand keyframes.
    private static func isCrowded(_ line: Data) -> Bool {
        guard line.count > mostValues else { return false }
        return line.withUnsafeBytes { bytes in
            var values = 0
            for byte in bytes where byte == UInt8(ascii: ",") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{")
            {
                values += 1
            }
            return values > mostValues
        }
    }

    private static let mostValues = 250_000

    /// Whether a line is meant as a message: a JSON object with a `type`.
    private static func isMessage(_ line: Data) -> Bool {
        guard line.first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "{") else { return false }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: line) else {
            return line.range(of: Data(#""type""#.utf8)) != nil
        }
        return value["type"] != nil
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "not JSON" }
        switch error {
        case .keyNotFound(let key, _): return "\"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has the wrong type"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }

    private func take(_ message: ChildMessage) -> TerminationReason? {
        switch message {
        case .ready(let ready):
            guard ready.version == StageProtocol.version else {
                return .foreignProtocol(
                    name: ready.name, release: ready.release, version: ready.version, ours: StageProtocol.version)
            }
            guard self.ready == nil else { return .brokeProtocol("a second answer to the greeting") }
            signalWaiters { state in
                state.ready = ready
                state.lastSign = .now
            }
        case .progress(let report): event(message, of: report.id)
        case .log(let line): event(message, of: line.id)
        case .service(let question):
            state.withLock { state in
                guard state.pending?.id == question.id else { return }
                if state.questions == 0 { state.waitingSince = .now }
                state.questions += 1
            }
            event(message, of: question.id)
        case .result(let result): conclude(result.id, .success(result))
        case .failure(let id?, let failure): conclude(id, .failure(.stage(failure.error)))
        case .failure(nil, let failure): return .brokeProtocol(failure.message)
        }
        return nil
    }

    private func heard(errors lines: [Data], _ talk: inout ChildOutputReader) {
        let began = state.withLock { $0.began }
        for (index, line) in lines.enumerated() {
            let isLogged = talk.admitsLog(since: began)
            // Skip lines that are neither logged nor kept.
            guard isLogged || index >= lines.count - Self.lastLines else { continue }
            let text = String(redact(String(decoding: line.prefix(Self.longestText), as: UTF8.self)).prefix(2000))
            keep(error: text)
            if isLogged { log(text) }
        }
    }

    private func keep(error text: String) {
        lastErrors.withLock { lines in
            lines.append(text)
            if lines.count > Self.lastLines { lines.removeFirst() }
        }
    }

    /// Logs a line that is not a message.
    private func log(_ text: String) {
        guard let id = state.withLock({ $0.pending?.id }) else { return }
        event(.log(LogMessage(id: id, level: "info", message: text)), of: id)
    }

    private func event(_ message: ChildMessage, of id: Int) {
        let events = state.withLock { state in
            state.lastSign = .now
            return state.pending?.id == id ? state.pending?.events : nil
        }
        events?(message)
    }

    private func conclude(_ id: Int, _ result: Result<ResultMessage, Failure>) {
        let pending: Pending? = state.withLock { state in
            guard state.pending?.id == id else { return nil }
            defer {
                state.pending = nil
                state.deadline = nil
            }
            return state.pending
        }
        pending?.continuation.resume(returning: result)
    }

    /// Checks the limits of time, memory and processor.
    /// - Returns: Why to kill the child; nil if it is within its limits.
    private func watch(_ process: ChildProcess, _ talk: inout ChildOutputReader) -> TerminationReason? {
        let now = SuspendingClock.now
        let (isReady, isGreeted, isBusy, lastSign, began) = state.withLock {
            ($0.ready != nil, $0.isGreeted, $0.pending != nil, $0.lastSign, $0.began)
        }
        let (verdict, deadline) = state.withLock { ($0.verdict, $0.deadline) }
        if let verdict { return verdict }
        if let deadline, now > deadline { return .stopped }
        if !isReady, isGreeted, now - lastSign > limits.start {
            return .neverReady("no answer to the greeting within \(limits.start.spoken)")
        }
        if isBusy, let end = watchTime(now, lastSign: lastSign, began: began) { return end }
        // Memory is limited even while the child is idle.
        guard let usage = talk.usage(of: process, since: began) else { return nil }
        if usage.memory > limits.memory.bytes { return .overMemory(limit: limits.memory) }
        if isBusy, let processor = limits.processor, usage.processor > processor.inSeconds {
            return .overProcessor(limit: processor)
        }
        return nil
    }

    private func watchTime(
        _ now: SuspendingClock.Instant, lastSign: SuspendingClock.Instant, began: SuspendingClock.Instant
    ) -> TerminationReason? {
        let (isWaiting, waited) = state.withLock { state in
            (state.questions > 0, state.waited + (state.questions > 0 ? now - state.waitingSince : .zero))
        }
        if !isWaiting, now - lastSign > limits.stall { return .stalled(limits.stall) }
        guard let time = limits.time, now - began - min(waited, Self.longestWait) > time else { return nil }
        return .overTime(limit: time)
    }

    /// Changes the state and wakes its waiters.
    private func signalWaiters(_ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func finish(_ end: TerminationReason) {
        // In one step: a request that is added in between would wait forever.
        let (end, pending, waiters) = state.withLock { state in
            let end = state.ready != nil ? end : Self.neverReady(end)
            state.end = end
            defer { (state.pending, state.waiters) = (nil, []) }
            return (end, state.pending, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        pending?.continuation.resume(returning: .failure(.ended(end)))
        closeInput()
    }

    private static func neverReady(_ end: TerminationReason) -> TerminationReason {
        switch end {
        case .exited(let status): .neverReady("it exits immediately with status \(status)")
        case .signalled(let number): .neverReady("it crashes immediately (\(TerminationReason.name(ofSignal: number)))")
        case .brokeProtocol(let text): .neverReady("it does not speak the protocol: \(text)")
        case .overMemory(let limit): .neverReady("it uses more than \(limit) of memory before it answers")
        default: end
        }
    }
}
