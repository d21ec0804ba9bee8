import PipelineKit
import PluginProtocol

/// The state of one child process and of the request that it works on.
struct WorkerState {
    struct Request {
        let id: Int
        let continuation: CheckedContinuation<Result<ResultMessage, StageWorker.Failure>, Never>
        /// Receives progress, log lines and service calls.
        let receive: @Sendable (ChildMessage) -> Void
    }

    /// The number of last lines on standard error to keep.
    static let errorLineLimit = 8
    /// The most waiting for the host that does not count towards a request's time limit: the longest wait for a permit.
    /// Limited, because a child could keep a call open all the time.
    private static let longestWait = Duration.seconds(3600)

    /// The child's standard input; nil before the start and once closed.
    var input: ChildInput?
    var isGreeted = false
    /// The child's answer to the greeting.
    var ready: ChildReady?
    private(set) var request: Request?
    private(set) var lastRequestID = 0
    /// Whether the child has run a stage before.
    var hasRun = false
    /// When the current or last request started.
    private(set) var requestStart = SuspendingClock.now
    /// When the child last sent a message, or received work or an answer.
    var lastActivity = SuspendingClock.now
    /// Service calls that the host has not answered yet: a child that waits for them is not stalled.
    private var openCalls = 0
    /// The start of the current wait, and the time waited during the request before that.
    private var waitStart = SuspendingClock.now
    private var waited = Duration.zero
    /// When to kill the child after asking it to stop.
    private var deadline: SuspendingClock.Instant?
    /// Why to kill the child, if sending to it failed.
    var sendFailure: TerminationReason?
    /// Why the process ended; nil while it runs.
    private(set) var end: TerminationReason?
    private(set) var lastErrorLines: [String] = []
    /// Callers that wait for a change of the state.
    var waiters: [CheckedContinuation<Void, Never>] = []

    // MARK: Requests

    mutating func nextRequestID() -> Int {
        lastRequestID += 1
        return lastRequestID
    }

    mutating func start(_ request: Request) {
        self.request = request
        lastActivity = .now
        requestStart = .now
        (openCalls, waited) = (0, .zero)
        deadline = nil
    }

    /// Ends the request with this id and returns it; nil if it is not the current one.
    mutating func endRequest(_ id: Int) -> Request? {
        guard let request, request.id == id else { return nil }
        self.request = nil
        deadline = nil
        return request
    }

    mutating func openCall() {
        if openCalls == 0 { waitStart = .now }
        openCalls += 1
    }

    mutating func closeCall() {
        openCalls = max(0, openCalls - 1)
        if openCalls == 0 { waited += .now - waitStart }
        lastActivity = .now
    }

    // MARK: The end

    mutating func stop(within grace: Duration) { deadline = deadline ?? .now + grace }

    mutating func keep(errorLine: String) {
        lastErrorLines.append(errorLine)
        if lastErrorLines.count > Self.errorLineLimit { lastErrorLines.removeFirst() }
    }

    /// Records the end of the process.
    /// - Returns: Why it ended, and the request that it leaves without a result.
    mutating func finish(_ reason: TerminationReason) -> (reason: TerminationReason, request: Request?) {
        let reason = ready == nil ? reason.beforeReady : reason
        end = reason
        defer { request = nil }
        return (reason, request)
    }

    /// Why to kill the child now; nil if it is within its limits of time.
    func violation(of limits: WorkerLimits) -> TerminationReason? {
        let now = SuspendingClock.now
        if let sendFailure { return sendFailure }
        if let deadline, now > deadline { return .stopped }
        if ready == nil, isGreeted, now - lastActivity > limits.start {
            return .neverReady("no answer to the greeting within \(limits.start.spoken)")
        }
        guard request != nil else { return nil }
        if openCalls == 0, now - lastActivity > limits.stall { return .stalled(limits.stall) }
        let waited = waited + (openCalls > 0 ? now - waitStart : .zero)
        guard let time = limits.time, now - requestStart - min(waited, Self.longestWait) > time else { return nil }
        return .overTime(limit: time)
    }
}

extension TerminationReason {
    /// The reason for a child that ended before it answered the greeting.
    fileprivate var beforeReady: TerminationReason {
        switch self {
        case .exited(let status): .neverReady("it exits immediately with status \(status)")
        case .signalled(let number): .neverReady("it crashes immediately (\(Self.name(ofSignal: number)))")
        case .brokeProtocol(let text): .neverReady("it does not speak the protocol: \(text)")
        case .overMemory(let limit): .neverReady("it uses more than \(limit) of memory before it answers")
        default: self
        }
    }
}
