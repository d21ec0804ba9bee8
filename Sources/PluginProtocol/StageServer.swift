import CProcess
import Foundation
import Glibc
import Logging
package import PipelineKit
import Synchronization

/// Makes the services that a request's stage gets beyond those of every stage.
package typealias GrantedServices = @Sendable (HostChannel, RequestContext) -> HostServices

/// The child's end of the protocol: runs stages on request, one request at a time.
final class StageServer: Sendable {
    private struct State {
        var running: (id: Int, task: Task<Void, Never>)?
        var waiting: [Int: CheckedContinuation<ServiceAnswer, Never>] = [:]
        var lastRequest = 0
        var lines = LineBuffer()
    }

    private let name: String
    private let release: String
    private let stages: [StageDefinition]
    private let output: LineOutput
    private let services: GrantedServices
    private let state = Mutex(State())

    /// Creates a server that writes its messages to `output`, which must carry nothing else.
    init(
        _ stages: [StageDefinition], name: String, release: String, output: Int32,
        services: @escaping GrantedServices = { _, _ in HostServices() }
    ) {
        self.services = services
        self.stages = stages
        self.name = name
        self.release = release
        self.output = LineOutput(descriptor: output)
    }

    /// Reads the host's greeting and applies its sandbox policy, on the calling thread: the policy covers this thread
    /// and those that it starts later, but no others.
    /// - Returns: False if the host closed the pipe or sent an invalid message.
    func greet(input: Int32) -> Bool {
        var isGreeted = false
        while !isGreeted {
            guard let lines = readLines(input), let lines else { return false }
            for line in lines {
                guard let message = decode(line) else { return false }
                if case .hello = message { isGreeted = true }
                take(message)
            }
        }
        return true
    }

    /// Reads messages on the calling thread until the host closes the pipe.
    /// - Returns: False if the host sent an invalid message.
    func serve(input: Int32) -> Bool {
        while let lines = readLines(input) {
            guard let lines else { return false }
            for line in lines {
                guard let message = decode(line) else { return false }
                if case .shutdown = message { return true }
                take(message)
            }
        }
        state.withLock { $0.running }?.task.cancel()
        return true
    }

    /// The lines that the next bytes complete. The outer optional is nil at the end of the input, the inner one if a
    /// line is too long.
    private func readLines(_ input: Int32) -> [Data]?? {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { bytes in
            while true {
                let count = read(input, bytes.baseAddress, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return .none }
                return .some(state.withLock { $0.lines.take(UnsafeRawBufferPointer(rebasing: bytes[..<count])) })
            }
        }
    }

    private func decode(_ line: Data) -> HostMessage? {
        do {
            return try HostMessage(line: line)
        } catch {
            let problem = StageError(.internalFault, "a message from the host can't be decoded: \(error)")
            output.send(.failure(id: nil, FailureMessage(problem)))
            return nil
        }
    }

    private func greeted(by hello: HostHello) {
        // A last resort: the host kills the child earlier, when its resident memory exceeds the limit.
        if let memory = hello.memory, memory > 0 { spreader_limit_memory(UInt64(memory) + 2 << 30) }
        let confinement = hello.reach.map { $0.confineThisProcess() }
        output.send(
            .ready(
                ChildReady(
                    name: name, release: release, stages: stages.map { StageDescription($0) },
                    confinement: confinement)))
    }

    private func take(_ message: HostMessage) {
        switch message {
        case .hello(let hello): greeted(by: hello)
        case .check(let request):
            start(request) { [self] stage, _ in
                let context = CheckContext(
                    post: try Self.post(request), account: request.context.account ?? "",
                    settings: request.context.settings, services: services(host(of: request), request.context))
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
                let artifact = try await stage.run(try Self.input(request, type), try context(request, type))
                return ResultMessage(id: request.id, artifact: try JSONValue(encoding: artifact))
            }
        case .cancel(let id):
            state.withLock { $0.running?.id == id ? $0.running?.task : nil }?.cancel()
        case .answer(let answer):
            state.withLock { $0.waiting.removeValue(forKey: answer.request) }?.resume(returning: answer)
        case .shutdown: break
        }
    }

    private func start(
        _ request: StageRequest,
        _ work: @escaping @Sendable (AnyStage, StageDefinition) async throws -> ResultMessage
    ) {
        let isFree = state.withLock { state in
            guard state.running == nil else { return false }
            let task = Task {
                let answer: ChildMessage
                do {
                    guard let type = stages.first(where: { $0.name.rawValue == request.stage }) else {
                        throw StageError(.internalFault, "unknown stage \(request.stage)")
                    }
                    answer = .result(try await work(try type.make(request.options), type))
                } catch let error as StageError {
                    answer = .failure(id: request.id, FailureMessage(error))
                } catch {
                    answer = .failure(
                        id: request.id,
                        FailureMessage(StageError(.internalFault, "stage \(request.stage) failed: \(error)")))
                }
                // Become free before answering: the host may send its next request at once.
                self.state.withLock { $0.running = nil }
                if !output.send(answer) {
                    let error = StageError(
                        .internalFault, "the result of stage \(request.stage) can't be encoded as JSON")
                    output.send(.failure(id: request.id, FailureMessage(error)))
                }
            }
            state.running = (request.id, task)
            return true
        }
        if !isFree {
            output.send(
                .failure(
                    id: request.id, FailureMessage(StageError(.busy, "another request is already running"))))
        }
    }

    /// Calls a service of the host and waits for its answer.
    /// - Parameter message: Creates the call with the given number.
    func ask(_ message: (Int) -> ServiceMessage) async throws(StageError) -> JSONValue? {
        let number = state.withLock { state in
            state.lastRequest += 1
            return state.lastRequest
        }
        let line = message(number)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[number] = continuation }
                output.send(.service(line))
                if Task.isCancelled { giveUp(number) }
            }
        } onCancel: {
            giveUp(number)
        }
        if let failure = answer.error { throw failure.error }
        return answer.value
    }

    /// Ends the wait for an answer with `StageError.cancelled`.
    private func giveUp(_ number: Int) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: number) }
        waiting?.resume(returning: ServiceAnswer(request: number, error: FailureMessage(.cancelled)))
    }

    // MARK: Inputs and contexts from requests

    private static func post(_ request: StageRequest) throws -> PostSettings {
        try PostSettings.make(from: request.context.post)
    }

    private static func input(_ request: StageRequest, _ type: StageDefinition) throws -> any Artifact {
        guard let input = request.input else {
            throw StageError(.internalFault, "the request for stage \(request.stage) has no input")
        }
        return try type.decodeInput(input)
    }

    private func logger(_ request: StageRequest) -> Logger {
        let level = Logger.Level(rawValue: request.context.logLevel) ?? .error
        return Logger(label: request.stage) { [output] _ in
            RemoteLogHandler(id: request.id, output: output, logLevel: level)
        }
    }

    private func context(_ request: StageRequest, _ type: StageDefinition) throws -> StageContext {
        let context = request.context
        guard let folder = context.workDirectory else {
            throw StageError(.internalFault, "the request for stage \(request.stage) has no work folder")
        }
        let rate = ReportRate()
        let host = host(of: request)
        // The host's clock may differ from the system clock.
        let ahead = context.time.map { $0 - Date().timeIntervalSince1970 } ?? 0
        let clock = HostClock(now: { Date().addingTimeInterval(ahead) }, sleep: { try await Task.sleep(for: $0) })
        var result = StageContext(
            runID: context.run ?? "", stageID: context.stageID ?? request.stage, asset: context.asset ?? "",
            workDirectory: URL(filePath: folder), post: try Self.post(request), account: context.account ?? "",
            logger: logger(request),
            progress: { [output] progress in
                if rate.admits(progress) { output.send(.progress(ProgressMessage(id: request.id, progress))) }
            }, checkpoints: host, permits: host)
        result.attempt = context.attempt ?? 1
        result.runDirectory = context.runDirectory.map { URL(filePath: $0) } ?? result.workDirectory
        result.settings = context.settings
        result.secrets = host
        result.services = services(host, context)
        result.clock = clock
        result.planned = try context.planned.map(type.decodeOutput)
        return result
    }

    private func host(of request: StageRequest) -> HostChannel {
        HostChannel(id: request.id, server: self)
    }
}

/// Limits progress to twenty reports a second, but always passes the last one: stages may report each frame.
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
