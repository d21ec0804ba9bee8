import CProcess
import Foundation
import Glibc
import Logging
import Synchronization

/// A child process's side of the line: works for stages, one request at a time.
///
/// A plugin's whole program:
///
/// ```swift
/// @main struct Plugin {
///     static func main() async { await StageServer.serveStandardStreams([StageType(Slate.self)]) }
/// }
/// ```
public final class StageServer: Sendable {
    private struct State {
        var running: (id: Int, task: Task<Void, Never>)?
        var waiting: [Int: CheckedContinuation<CheckpointAnswer, Never>] = [:]
        var lastRequest = 0
    }

    private let stages: [String: StageType]
    private let output: LineOutput
    private let state = Mutex(State())

    /// A server that answers on `output`, which carries nothing else.
    public init(_ stages: [StageType], output: Int32) {
        self.stages = Dictionary(stages.map { ($0.name.rawValue, $0) }, uniquingKeysWith: { $1 })
        self.output = LineOutput(descriptor: output)
    }

    /// Serves the host that started this process until it closes the line; then the process ends.
    ///
    /// Standard output is taken away first and points at standard error from then on, so that a library's stray
    /// line can't break the conversation. The process dies with its host, whatever it is doing.
    public static func serveStandardStreams(_ stages: [StageType]) async -> Never {
        spreader_die_with_parent()
        spreader_forbid_core_dumps()
        spreader_spare_memory()
        // An interrupt at the terminal is the host's to handle; its child may write to the terminal all the same.
        for number in [SIGINT, SIGTTOU] { signal(number, SIG_IGN) }
        let input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        let output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard input >= 0, output >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0, dup2(nothing, STDIN_FILENO) >= 0
        else { _exit(71) }
        let server = StageServer(stages, output: output)
        let reader = Thread {
            // The reader alone decides when it is over: work that hangs can't keep the process alive.
            _exit(server.serve(input: input) ? 0 : 76)
        }
        reader.name = "stage-server"
        reader.start()
        while true { try? await Task.sleep(for: .seconds(3600)) }
    }

    /// Reads messages until the host closes the line, on the calling thread.
    /// - Returns: False when the host sent what is no message.
    public func serve(input: Int32) -> Bool {
        var lines = LineBuffer()
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(input, &bytes, bytes.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                state.withLock { $0.running }?.task.cancel()
                return true
            }
            guard let complete = lines.take(bytes[..<count]) else { return false }
            for line in complete {
                do {
                    take(try JSONDecoder().decode(HostMessage.self, from: line))
                } catch {
                    output.send(
                        .failure(
                            id: nil,
                            FailureMessage(StageError(.internalFault, "a line from the host can't be read: \(error)"))))
                    return false
                }
            }
        }
    }

    private func take(_ message: HostMessage) {
        switch message {
        case .hello(let hello):
            // Beyond this allocations fail; the host's own watch comes earlier.
            if let memory = hello.memory, memory > 0 { spreader_limit_memory(UInt64(memory) + 2 << 30) }
            output.send(.ready(ChildReady(stages: stages.keys.sorted())))
        case .check(let request):
            start(request) { stage, _ in
                let context = CheckContext(
                    post: try Self.post(request), account: request.context.account ?? "",
                    settings: request.context.settings, credentials: AbsentServices())
                return ResultMessage(id: request.id, findings: await stage.check(context))
            }
        case .plan(let request):
            start(request) { [self] stage, type in
                let context = PlanContext(
                    post: try Self.post(request), settings: request.context.settings, logger: logger(request))
                let plan = try await stage.plan(try Self.input(request, type), context)
                return ResultMessage(id: request.id, plan: try PlanMessage(plan))
            }
        case .run(let request):
            start(request) { [self] stage, type in
                let artifact = try await stage.run(try Self.input(request, type), try context(request))
                return ResultMessage(id: request.id, artifact: try JSONValue(encoding: artifact))
            }
        case .cancel(let id):
            state.withLock { $0.running?.id == id ? $0.running?.task : nil }?.cancel()
        case .answer(let answer):
            state.withLock { $0.waiting.removeValue(forKey: answer.request) }?.resume(returning: answer)
        }
    }

    private func start(
        _ request: StageRequest,
        _ work: @escaping @Sendable (AnyStage, StageType) async throws -> ResultMessage
    ) {
        let isFree = state.withLock { state in
            guard state.running == nil else { return false }
            let task = Task {
                let answer: ChildMessage
                do {
                    guard let type = stages[request.stage] else {
                        throw StageError(.internalFault, "this child has no stage \(request.stage)")
                    }
                    answer = .result(try await work(try type.make(request.options), type))
                } catch let error as StageError {
                    answer = .failure(id: request.id, FailureMessage(error))
                } catch {
                    answer = .failure(
                        id: request.id,
                        FailureMessage(StageError(.internalFault, "\(request.stage) has no answer: \(error)")))
                }
                // Free before the host reads the answer: its next request may follow at once.
                self.state.withLock { $0.running = nil }
                output.send(answer)
            }
            state.running = (request.id, task)
            return true
        }
        if !isFree {
            output.send(
                .failure(
                    id: request.id, FailureMessage(StageError(.busy, "the child works on another request already"))))
        }
    }

    /// Sends a checkpoint message and waits for the host's answer.
    func ask(_ message: (Int) -> ChildMessage) async throws(StageError) -> JSONValue? {
        let number = state.withLock { state in
            state.lastRequest += 1
            return state.lastRequest
        }
        let line = message(number)
        let answer = await withCheckedContinuation { continuation in
            state.withLock { $0.waiting[number] = continuation }
            output.send(line)
        }
        if let failure = answer.error { throw failure.error }
        return answer.value
    }

    // MARK: From messages to what stages take

    private static func post(_ request: StageRequest) throws -> PostSettings {
        try PostSettings.make(from: request.context.post)
    }

    private static func input(_ request: StageRequest, _ type: StageType) throws -> any Artifact {
        guard let input = request.input else {
            throw StageError(.internalFault, "\(request.stage) was handed no input")
        }
        return try type.decodeInput(input)
    }

    private func logger(_ request: StageRequest) -> Logger {
        let level = Logger.Level(rawValue: request.context.logLevel) ?? .error
        return Logger(label: request.stage) { [output] _ in
            RemoteLogHandler(id: request.id, output: output, logLevel: level)
        }
    }

    private func context(_ request: StageRequest) throws -> StageContext {
        let context = request.context
        guard let folder = context.workDirectory else {
            throw StageError(.internalFault, "\(request.stage) was handed no work folder")
        }
        let rate = ReportRate()
        let absent = AbsentServices()
        return StageContext(
            runID: context.run ?? "", stageID: context.stageID ?? request.stage, asset: context.asset ?? "",
            attempt: context.attempt ?? 1, workDirectory: URL(filePath: folder),
            runDirectory: context.runDirectory.map { URL(filePath: $0) }, post: try Self.post(request),
            postKey: context.postKey ?? PostKey(account: "", digest: "", slot: ""), account: context.account ?? "",
            settings: context.settings, logger: logger(request),
            progress: { [output] progress in
                if rate.admits(progress) { output.send(.progress(ProgressMessage(id: request.id, progress))) }
            }, checkpoints: RemoteCheckpoints(id: request.id, server: self), credentials: absent, permits: absent,
            ledger: absent, clock: .system)
    }
}

/// Lets through at most twenty reports a second, and always the last: frames come much faster.
private final class ReportRate: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    func admits(_ progress: StageProgress) -> Bool {
        let now = ContinuousClock.now
        return last.withLock { last in
            if let last, progress.fraction < 1, now - last < .milliseconds(50) { return false }
            last = now
            return true
        }
    }
}
