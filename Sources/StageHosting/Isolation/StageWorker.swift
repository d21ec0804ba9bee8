import Foundation
import Glibc
package import PipelineKit
package import PluginProtocol
import Synchronization

/// What a child may use before it is ended.
package struct WorkerLimits: Sendable, Hashable {
    /// Resident memory.
    package var memory = ByteCount.gigabytes(4)
    /// The longest time without a line while it works.
    package var stall = Duration.seconds(300)
    /// The longest time for the answer to the greeting.
    package var start = Duration.seconds(20)
    /// How long it may take to stop when asked to, before it is told by a signal, and then before it is killed.
    package var grace = Duration.milliseconds(1500)
    /// Processor time of one request; nil for no limit.
    package var processor: Duration?
    /// Wall time of one request; nil for no limit.
    package var time: Duration?
    /// Whether all processes of its group count, since it may start others.
    package var countsGroup = false

    /// The defaults.
    package init() {}
}

/// One child process that works for stages, one request at a time, and everything that watches over it.
package final class StageWorker: Sendable {
    /// Why a request has no result.
    enum Failure: Error {
        /// The stage's own error.
        case stage(StageError)
        /// The process ended.
        case ended(WorkerEnd)
    }

    private struct Pending {
        var id: Int
        var continuation: CheckedContinuation<Result<ResultMessage, Failure>, Never>
        var events: @Sendable (ChildMessage) -> Void
    }

    private struct State {
        /// Its standard input; nil before it is started and once closed.
        var input: ChildInput?
        var isGreeted = false
        var ready: ChildReady?
        var pending: Pending?
        var lastID = 0
        var end: WorkerEnd?
        /// Questions that the host has not answered yet: the child waits, and can't be blamed for it.
        var questions = 0
        /// Since when it waits, and how long it has waited for its request so far.
        var waitingSince = SuspendingClock.now
        var waited = Duration.zero
        /// When it last gave a sign, or was given work.
        var lastSign = SuspendingClock.now
        /// When it was given what it works on.
        var began = SuspendingClock.now
        /// Why it must be ended, where that was found while something was sent.
        var verdict: WorkerEnd?
        /// When to end it because it was asked to stop.
        var deadline: SuspendingClock.Instant?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// How much of a line that is no message is looked at.
    private static let longestText = 1 << 20
    /// How many of its last lines on standard error are kept.
    private static let lastLines = 8
    /// How much of its waiting for the host does not count as time of a request: the longest wait for a permit. A child
    /// could keep a question open all along.
    private static let longestWait = Duration.seconds(3600)
    private let limits: WorkerLimits
    private let redact: @Sendable (String) -> String
    private let state = Mutex(State())
    private let lastErrors = Mutex<[String]>([])
    private let served = Atomic<Int>(0)

    /// Whether it worked on something before.
    var isUsed: Bool { served.load(ordering: .relaxed) > 0 }
    /// Whether it can take a request.
    var isAlive: Bool { state.withLock { $0.end == nil && $0.ready != nil && $0.input != nil } }
    /// Whether it has come to its end.
    var hasEnded: Bool { state.withLock { $0.end != nil } }
    /// How it answered the greeting.
    var ready: ChildReady? { state.withLock { $0.ready } }
    /// Its last words on standard error; nil when there were none.
    var lastWords: String? { lastErrors.withLock { $0.isEmpty ? nil : $0.joined(separator: "\n") } }

    /// Starts a child, which waits for its greeting.
    /// - Parameter redact: Takes out of what it says what must not be seen.
    init(
        _ launch: WorkerLaunch, limits: WorkerLimits, redact: @escaping @Sendable (String) -> String = { $0 }
    ) {
        self.limits = limits
        self.redact = redact
        // This thread lives as long as the child: the kernel ends the child with the thread that started it.
        let thread = Thread { [self] in live(launch) }
        thread.name = "stage-worker"
        thread.start()
    }

    /// Greets the child and waits until it is ready.
    /// - Throws: `Failure.ended`.
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
        guard let ready else { throw .ended(.neverReady("it gave no answer")) }
        return ready
    }

    /// Has the child do something.
    ///
    /// When the calling task is cancelled the child is asked to stop, and ended when it does not.
    /// - Parameters:
    ///   - message: Makes the message for the request's id.
    ///   - events: Gets progress, log lines and questions, in order.
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
                let end: WorkerEnd? = state.withLock { state in
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

    /// Sends a message; one that can't be sent means that the child is gone, which is noticed elsewhere.
    private func send(_ message: HostMessage) {
        guard let line = try? message.line() else {
            if let id = message.requestID {
                let error = StageError(.internalFault, "what the stage is given has no JSON form")
                conclude(id, .failure(.stage(error)))
            }
            return
        }
        state.withLock { Self.write(line, &$0) }
    }

    /// Answers a question of the request `id`; nothing is sent once that is over: the next request is not to get it.
    func send(_ answer: ServiceAnswer, of id: Int) {
        let line: Data
        do {
            line = try HostMessage.answer(answer).line()
        } catch {
            let failure = StageError(.internalFault, "the answer has no JSON form")
            let refusal = ServiceAnswer(request: answer.request, error: FailureMessage(failure))
            guard let plain = try? HostMessage.answer(refusal).line() else { return }
            line = plain
        }
        state.withLock { state in
            guard state.pending?.id == id else { return }
            state.questions = max(0, state.questions - 1)
            if state.questions == 0 { state.waited += .now - state.waitingSince }
            state.lastSign = .now
            // Within the lock: the request may be over the moment that it is left.
            Self.write(line, &state)
        }
    }

    private static func write(_ line: Data, _ state: inout State) {
        if state.input?.send(line) == false {
            state.verdict = state.verdict ?? .brokeProtocol("it does not read what it is sent")
        }
    }

    /// Lets the child go and waits until it is gone.
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
        // A host that is killed can't end the processes that a plugin has started; this one does it then.
        let guardian = launch.keepsGroup ? GroupGuard(of: process) : nil
        defer { guardian?.end() }
        var talk = Conversation(limits: limits)
        var verdict: WorkerEnd?
        var end: WorkerEnd?
        var killing = SuspendingClock.now
        while end == nil {
            switch talk.read(process) {
            case .lines(let output, let errors):
                let flooded = state.withLock { $0.pending != nil ? $0.began : nil }
                if verdict == nil, talk.isFlood(since: flooded) {
                    verdict = .brokeProtocol("more messages than anyone can read")
                }
                heard(errors: errors, &talk)
                for line in output where verdict == nil { verdict = take(line, &talk) }
            case .tooLong: verdict = verdict ?? .brokeProtocol("a line without end")
            case .closed:
                end = leave(process)
                continue
            case .nothing: end = process.reaped(waits: false)
            }
            if end != nil { break }
            if verdict == nil {
                verdict = watch(process, &talk)
                // Asked to stop and silent: a signal first, so that it can put its own affairs in order.
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
        // Whatever it started is of no use without it.
        process.kill()
        for line in talk.lastErrors(process) { keep(error: String(redact(line).prefix(2000))) }
        Glibc.close(process.output)
        if let errors = process.errors { Glibc.close(errors) }
        finish(fate)
    }

    /// The line is closed: a process that stays all the same has no use.
    private func leave(_ process: ChildProcess) -> WorkerEnd? {
        let deadline = SuspendingClock.now + limits.grace
        while SuspendingClock.now < deadline {
            if let end = process.reaped(waits: false) { return end }
            usleep(2000)
        }
        process.kill()
        _ = process.reaped(waits: true)
        return .brokeProtocol("it closed its standard output and went on")
    }

    /// Handles a line of the child's.
    /// - Returns: Why it must be ended.
    private func take(_ line: Data, _ talk: inout Conversation) -> WorkerEnd? {
        guard !Self.isCrowded(line) else { return .brokeProtocol("a message of more values than anyone needs") }
        let message: ChildMessage
        do {
            message = try ChildMessage(line: line)
        } catch {
            // Whole before it is cut: half a secret is not recognised.
            let text = redact(String(decoding: line.prefix(Self.longestText), as: UTF8.self))
            let shown = String(text.prefix(120))
            guard Self.isMessage(line) else {
                // What somebody printed there breaks nothing.
                if talk.admitsLog(since: state.withLock { $0.began }) { log(shown) }
                return nil
            }
            return .brokeProtocol("\(shown)\(text.count > 120 ? "…" : "") (\(Self.reason(error)))")
        }
        return take(message)
    }

    /// Whether a line holds so many values that reading them would keep this thread from its watch for long. Footage of a
    /// day has some ten thousand key frames.
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

    /// Whether a line is meant as a message: an object with a type.
    private static func isMessage(_ line: Data) -> Bool {
        guard line.first(where: { $0 != UInt8(ascii: " ") }) == UInt8(ascii: "{") else { return false }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: line) else {
            return line.range(of: Data(#""type""#.utf8)) != nil
        }
        return value["type"] != nil
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "no JSON" }
        switch error {
        case .keyNotFound(let key, _): return "\"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has the wrong type"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }

    private func take(_ message: ChildMessage) -> WorkerEnd? {
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

    private func heard(errors lines: [Data], _ talk: inout Conversation) {
        let began = state.withLock { $0.began }
        for (index, line) in lines.enumerated() {
            let isLogged = talk.admitsLog(since: began)
            // What is neither shown nor kept is not worth the look.
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

    /// Makes a log line of what is no message.
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

    /// Looks after time, memory and processor.
    /// - Returns: Why the process must be ended.
    private func watch(_ process: ChildProcess, _ talk: inout Conversation) -> WorkerEnd? {
        let now = SuspendingClock.now
        let (isReady, isGreeted, isBusy, lastSign, began) = state.withLock {
            ($0.ready != nil, $0.isGreeted, $0.pending != nil, $0.lastSign, $0.began)
        }
        let (verdict, deadline) = state.withLock { ($0.verdict, $0.deadline) }
        if let verdict { return verdict }
        if let deadline, now > deadline { return .stopped }
        if !isReady, isGreeted, now - lastSign > limits.start {
            return .neverReady("no answer to the greeting for \(limits.start.spoken)")
        }
        if isBusy, let end = watchTime(now, lastSign: lastSign, began: began) { return end }
        // Memory counts also while it has nothing to do.
        guard let usage = talk.usage(of: process, since: began) else { return nil }
        if usage.memory > limits.memory.bytes { return .overMemory(limit: limits.memory) }
        if isBusy, let processor = limits.processor, usage.processor > processor.inSeconds {
            return .overProcessor(limit: processor)
        }
        return nil
    }

    private func watchTime(
        _ now: SuspendingClock.Instant, lastSign: SuspendingClock.Instant, began: SuspendingClock.Instant
    ) -> WorkerEnd? {
        let (isWaiting, waited) = state.withLock { state in
            (state.questions > 0, state.waited + (state.questions > 0 ? now - state.waitingSince : .zero))
        }
        if !isWaiting, now - lastSign > limits.stall { return .stalled(limits.stall) }
        guard let time = limits.time, now - began - min(waited, Self.longestWait) > time else { return nil }
        return .overTime(limit: time)
    }

    /// Changes the state and wakes those who wait for it.
    private func signalWaiters(_ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func finish(_ end: WorkerEnd) {
        // At once: a request that came in between would wait for ever.
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

    private static func neverReady(_ end: WorkerEnd) -> WorkerEnd {
        switch end {
        case .exited(let status): .neverReady("it exits at once with status \(status)")
        case .signalled(let number): .neverReady("it crashes at once (\(WorkerEnd.name(ofSignal: number)))")
        case .brokeProtocol(let text): .neverReady("it does not speak the protocol: \(text)")
        case .overMemory(let limit): .neverReady("it took more than \(limit) of memory at once")
        default: end
        }
    }
}
