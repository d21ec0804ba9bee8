import Dispatch
import Foundation
import Glibc
package import PipelineKit
import Synchronization

/// What a child may use before it is ended.
package struct WorkerLimits: Sendable, Hashable {
    /// Resident memory.
    package var memory = ByteCount.gigabytes(4)
    /// The longest time without a line while it works.
    package var stall = Duration.seconds(300)
    /// The longest time from its start to its first line.
    package var start = Duration.seconds(20)
    /// How long it may take to stop when asked to.
    package var grace = Duration.milliseconds(1500)

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
        /// Write end of its standard input; nil once closed.
        var input: Int32?
        var isReady = false
        var pending: Pending?
        var lastID = 0
        var end: WorkerEnd?
        /// When it last gave a sign, or was given work.
        var lastSign = SuspendingClock.now
        /// When to end it because it was asked to stop.
        var deadline: SuspendingClock.Instant?
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// How often the process is looked at.
    private static let watchMilliseconds: Int32 = 100
    private let limits: WorkerLimits
    private let state = Mutex(State())
    private let writer = DispatchQueue(label: "stage-worker-writer")
    private let served = Atomic<Int>(0)

    /// Whether it worked on something before.
    var isUsed: Bool { served.load(ordering: .relaxed) > 0 }
    /// Whether it can take a request.
    var isAlive: Bool { state.withLock { $0.end == nil && $0.input != nil } }

    private init(limits: WorkerLimits) { self.limits = limits }

    /// Starts a child and waits until it is ready.
    /// - Throws: `Failure.ended`.
    static func start(_ launch: WorkerLaunch, limits: WorkerLimits) async throws(Failure) -> StageWorker {
        let worker = StageWorker(limits: limits)
        // This thread lives as long as the child: the kernel ends the child with the thread that started it.
        let thread = Thread { worker.live(launch) }
        thread.name = "stage-worker"
        thread.start()
        await worker.wait { $0.isReady || $0.end != nil }
        if let end = worker.state.withLock({ $0.end }) { throw .ended(end) }
        return worker
    }

    /// Has the child do something.
    ///
    /// When the calling task is cancelled the child is asked to stop, and ended when it does not.
    /// - Parameters:
    ///   - message: Makes the message for the request's id.
    ///   - events: Gets progress, log lines and checkpoint messages, in order.
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
        served.add(1, ordering: .relaxed)
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
    func send(_ message: HostMessage) {
        guard var line = try? JSONEncoder().encode(message) else { return }
        line.append(UInt8(ascii: "\n"))
        writer.async { [self, line] in
            if let input = state.withLock({ $0.input }) { _ = input.writeAll(line) }
        }
    }

    /// Lets the child go and waits until it is gone.
    package func close() async {
        state.withLock { $0.deadline = $0.deadline ?? .now + limits.grace }
        writer.async { [self] in closeInput() }
        await wait { $0.end != nil }
    }

    private func closeInput() {
        let input = state.withLock { state in
            defer { state.input = nil }
            return state.input
        }
        if let input { Glibc.close(input) }
    }

    private func wait(until condition: @Sendable (borrowing State) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isMet = state.withLock { state in
                if condition(state) { return true }
                state.waiters.append(continuation)
                return false
            }
            if isMet { continuation.resume() }
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
        state.withLock { $0.input = process.input }
        send(.hello(HostHello(host: "spreader-pipeline", memory: limits.memory.bytes)))
        var verdict: WorkerEnd?
        var lines = LineBuffer()
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var end: WorkerEnd?
        while end == nil {
            var poller = pollfd(fd: process.output, events: Int16(POLLIN), revents: 0)
            let isReadable = poll(&poller, 1, Self.watchMilliseconds) > 0
            if isReadable {
                let count = read(process.output, &bytes, bytes.count)
                if count > 0 {
                    verdict = verdict ?? take(bytes[..<count], into: &lines)
                } else if count == 0 || errno != EINTR {
                    break
                }
            } else {
                end = process.reaped(waits: false)
            }
            verdict = verdict ?? watch(process)
            if verdict != nil { process.kill() }
        }
        if end == nil {
            // The line is closed: a process that stays all the same has no use.
            for _ in 0..<100 where end == nil {
                end = process.reaped(waits: false)
                if end == nil { usleep(2000) }
            }
            process.kill()
        }
        let fate = verdict ?? end ?? process.reaped(waits: true) ?? .exited(-1)
        if verdict != nil, end == nil { _ = process.reaped(waits: true) }
        Glibc.close(process.output)
        finish(fate)
    }

    /// Handles what the child said.
    /// - Returns: Why it must be ended.
    private func take(_ bytes: some Sequence<UInt8>, into lines: inout LineBuffer) -> WorkerEnd? {
        guard let complete = lines.take(bytes) else { return .brokeProtocol("a line without end") }
        for line in complete {
            let message: ChildMessage
            do {
                message = try JSONDecoder().decode(ChildMessage.self, from: line)
            } catch {
                return .brokeProtocol(String(decoding: line.prefix(120), as: UTF8.self))
            }
            if let end = take(message) { return end }
        }
        return nil
    }

    private func take(_ message: ChildMessage) -> WorkerEnd? {
        switch message {
        case .ready(let ready):
            guard ready.version == StageProtocol.version else {
                return .neverReady("it speaks version \(ready.version) of the protocol, not \(StageProtocol.version)")
            }
            for waiter in state.withLock({ state in
                state.isReady = true
                state.lastSign = .now
                defer { state.waiters = [] }
                return state.waiters
            }) { waiter.resume() }
        case .progress(let report): event(message, of: report.id)
        case .log(let line): event(message, of: line.id)
        case .checkpointGet(let note), .checkpointSet(let note): event(message, of: note.id)
        case .result(let result): conclude(result.id, .success(result))
        case .failure(let id?, let failure): conclude(id, .failure(.stage(failure.error)))
        case .failure(nil, let failure): return .brokeProtocol(failure.message)
        }
        return nil
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

    /// Looks after time and memory.
    /// - Returns: Why the process must be ended.
    private func watch(_ process: ChildProcess) -> WorkerEnd? {
        let now = SuspendingClock.now
        let (isReady, isBusy, lastSign, deadline) = state.withLock {
            ($0.isReady, $0.pending != nil, $0.lastSign, $0.deadline)
        }
        if let deadline, now > deadline { return .stopped }
        if !isReady {
            return now - lastSign > limits.start ? .neverReady("no answer for \(limits.start.spoken)") : nil
        }
        guard isBusy else { return nil }
        if now - lastSign > limits.stall { return .stalled(limits.stall) }
        if let bytes = process.residentBytes, bytes > limits.memory.bytes { return .overMemory(limit: limits.memory) }
        return nil
    }

    private func finish(_ end: WorkerEnd) {
        let (pending, waiters) = state.withLock { state in
            state.end = state.isReady ? end : Self.neverReady(end)
            defer { (state.pending, state.waiters) = (nil, []) }
            return (state.pending, state.waiters)
        }
        pending?.continuation.resume(returning: .failure(.ended(end)))
        for waiter in waiters { waiter.resume() }
        writer.async { [self] in closeInput() }
    }

    private static func neverReady(_ end: WorkerEnd) -> WorkerEnd {
        switch end {
        case .exited(let status): .neverReady("it exits at once with status \(status)")
        case .signalled(let number): .neverReady("it crashes at once (\(WorkerEnd.name(ofSignal: number)))")
        case .brokeProtocol(let text): .neverReady("it does not speak the protocol: \(text)")
        default: end
        }
    }
}
