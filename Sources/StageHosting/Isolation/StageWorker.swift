import Foundation
import Glibc
import PipelineKit
import PluginProtocol
import Synchronization

/// One child process that runs stages, one request at a time. A thread of its own supervises it.
package final class StageWorker: Sendable {
    /// Why a request failed.
    enum Failure: Error {
        /// The stage reported an error.
        case stage(StageError)
        /// The process ended before it answered.
        case ended(TerminationReason)
    }

    private let limits: WorkerLimits
    private let state = Mutex(WorkerState())

    /// Whether the child has run a stage before.
    var isUsed: Bool { state.withLock { $0.hasRun } }
    /// Whether the child can take a request.
    var isAlive: Bool { state.withLock { $0.end == nil && $0.ready != nil && $0.input != nil } }
    /// Whether the process has ended.
    var hasEnded: Bool { state.withLock { $0.end != nil } }
    /// The child's answer to the greeting; nil until it arrives.
    var ready: ChildReady? { state.withLock { $0.ready } }
    /// The child's last lines on standard error; nil if there were none.
    var lastErrors: String? {
        let lines = state.withLock { $0.lastErrorLines }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// Starts a child, which then waits for the greeting.
    /// - Parameter redact: Removes secrets from the child's output.
    init(_ launch: WorkerLaunch, limits: WorkerLimits, redact: @escaping @Sendable (String) -> String) {
        self.limits = limits
        // This thread lives as long as the child: the kernel kills the child when the thread that started it ends.
        let thread = Thread { [self] in supervise(launch, redact: redact) }
        thread.name = "stage-worker"
        thread.start()
    }

    private func supervise(_ launch: WorkerLaunch, redact: @escaping @Sendable (String) -> String) {
        let process: ChildProcess
        do throws(POSIXError) {
            process = try ChildProcess.start(launch)
        } catch {
            return finish(.neverReady("\(launch.executable): \(String(cString: strerror(error.code.rawValue)))"))
        }
        let input = ChildInput(process.input)
        signalWaiters { $0.input = input }
        // If the host is killed, this helper ends the processes that a plugin has started.
        let reaper = launch.keepsGroup ? ProcessGroupReaper(of: process) : nil
        defer { reaper?.end() }
        var supervisor = ChildSupervisor(process, of: self, limits: limits, redact: redact)
        finish(supervisor.run())
    }

    /// Sends the greeting and waits for the answer.
    /// - Throws: `Failure.ended` if the process ends first.
    func greet(_ hello: HostHello) async throws(Failure) -> ChildReady {
        await wait { $0.input != nil || $0.end != nil }
        state.withLock {
            $0.isGreeted = true
            $0.lastActivity = .now
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
    ///   - request: The request, which gets an id that is unique in the session.
    ///   - receive: Receives progress, log lines and service calls, in order.
    func perform(
        _ request: HostMessage, receive: @escaping @Sendable (ChildMessage) -> Void
    ) async throws(Failure) -> ResultMessage {
        let id = state.withLock { $0.nextRequestID() }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let end: TerminationReason? = state.withLock { state in
                    if let end = state.end { return end }
                    state.start(WorkerState.Request(id: id, continuation: continuation, receive: receive))
                    return nil
                }
                if let end { return continuation.resume(returning: .failure(.ended(end))) }
                send(request.numbered(id))
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
        if case .run = request { state.withLock { $0.hasRun = true } }
        return try result.get()
    }

    private func cancel(_ id: Int) {
        let isRunning = state.withLock { state in
            guard state.request?.id == id else { return false }
            state.stop(within: limits.grace)
            return true
        }
        if isRunning { send(.cancel(id: id)) }
    }

    /// Shuts the child down and waits until it has ended.
    package func close() async {
        let isReady = state.withLock { state in
            state.stop(within: limits.grace)
            return state.ready != nil
        }
        if isReady { send(.shutdown) }
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

    // MARK: Sending

    /// Sends a message. Ignores a closed pipe: the supervisor notices that the child is gone.
    private func send(_ message: HostMessage) {
        guard let line = try? message.line() else {
            if let id = message.requestID {
                let error = StageError(.internalFault, "the request can't be encoded as JSON")
                conclude(id, with: .failure(.stage(error)))
            }
            return
        }
        state.withLock { Self.write(line, to: &$0) }
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
            guard state.request?.id == id else { return }
            state.closeCall()
            // Write within the lock: the request could end as soon as the lock is released.
            Self.write(line, to: &state)
        }
    }

    private static func write(_ line: Data, to state: inout WorkerState) {
        if state.input?.send(line) == false {
            state.sendFailure = state.sendFailure ?? .brokeProtocol("it does not read its standard input")
        }
    }

    // MARK: Waiting

    private func wait(until condition: @Sendable (borrowing WorkerState) -> Bool) async {
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

    /// Changes the state and wakes its waiters.
    private func signalWaiters(_ change: (inout WorkerState) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

// MARK: - For the child's supervisor

extension StageWorker {
    /// When the current request started; nil while the child is idle.
    var currentRequestStart: SuspendingClock.Instant? {
        state.withLock { $0.request == nil ? nil : $0.requestStart }
    }

    /// When the current or last request started.
    var lastRequestStart: SuspendingClock.Instant { state.withLock { $0.requestStart } }

    /// Why to kill the child now; nil if it is within its limits of time.
    var violation: TerminationReason? { state.withLock { $0.violation(of: limits) } }

    /// Handles a message of the child.
    /// - Returns: Why to kill the child; nil if the message is acceptable.
    func receive(_ message: ChildMessage) -> TerminationReason? {
        switch message {
        case .ready(let ready): return receive(ready)
        case .progress(let report): forward(message, to: report.id)
        case .log(let line): forward(message, to: line.id)
        case .service(let call):
            state.withLock { if $0.request?.id == call.id { $0.openCall() } }
            forward(message, to: call.id)
        case .result(let result): conclude(result.id, with: .success(result))
        case .failure(let id?, let failure): conclude(id, with: .failure(.stage(failure.error)))
        case .failure(nil, let failure): return .brokeProtocol(failure.message)
        }
        return nil
    }

    private func receive(_ ready: ChildReady) -> TerminationReason? {
        guard ready.version == StageProtocol.version else {
            return .foreignProtocol(
                name: ready.name, release: ready.release, version: ready.version, ours: StageProtocol.version)
        }
        guard self.ready == nil else { return .brokeProtocol("a second answer to the greeting") }
        signalWaiters { state in
            state.ready = ready
            state.lastActivity = .now
        }
        return nil
    }

    /// Logs a line that is not a message.
    func log(_ text: String) {
        guard let id = state.withLock({ $0.request?.id }) else { return }
        forward(.log(LogMessage(id: id, level: "info", message: text)), to: id)
    }

    /// Keeps a line of standard error for ``lastErrors``.
    func keep(errorLine: String) { state.withLock { $0.keep(errorLine: errorLine) } }

    private func forward(_ message: ChildMessage, to id: Int) {
        let receive = state.withLock { state in
            state.lastActivity = .now
            return state.request?.id == id ? state.request?.receive : nil
        }
        receive?(message)
    }

    private func conclude(_ id: Int, with result: Result<ResultMessage, Failure>) {
        let request = state.withLock { $0.endRequest(id) }
        request?.continuation.resume(returning: result)
    }

    private func finish(_ reason: TerminationReason) {
        // In one step: a request that is added in between would wait forever.
        let (reason, request, waiters) = state.withLock { state in
            let (reason, request) = state.finish(reason)
            defer { state.waiters = [] }
            return (reason, request, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        request?.continuation.resume(returning: .failure(.ended(reason)))
        closeInput()
    }
}
