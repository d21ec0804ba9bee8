import CProcess
import Foundation
import Glibc
package import PipelineKit
import Synchronization

/// Makes the services that a request's stage gets beyond those of every stage.
package typealias GrantedServices = @Sendable (HostChannel, RequestContext) -> HostServices

/// The child's end of the protocol: runs stages on request, one request at a time.
final class StageServer: Sendable {
    private struct State {
        var running: (id: Int, task: Task<Void, Never>)?
        /// The service calls without an answer, by number.
        var calls: [Int: CheckedContinuation<ServiceAnswer, Never>] = [:]
        var lastCall = 0
        var lines = LineBuffer()
    }

    private let name: String
    private let version: String
    private let stages: [StageDefinition]
    private let input: Int32
    private let output: LineOutput
    private let grantedServices: GrantedServices
    private let state = Mutex(State())

    /// Creates a server.
    /// - Parameters:
    ///   - input: The descriptor with the host's messages.
    ///   - output: The descriptor for this server's messages, which must carry nothing else.
    init(
        _ stages: [StageDefinition], name: String, version: String, input: Int32, output: Int32,
        grantedServices: @escaping GrantedServices
    ) {
        self.stages = stages
        self.name = name
        self.version = version
        self.input = input
        self.output = LineOutput(descriptor: output)
        self.grantedServices = grantedServices
    }

    /// Reads the host's greeting and applies its sandbox policy, on the calling thread: the policy covers this thread
    /// and those that it starts later, but no others.
    /// - Returns: False if the host closed the pipe or sent an invalid message.
    func greet() -> Bool {
        var isGreeted = false
        while !isGreeted {
            guard let lines = readLines(), let lines else { return false }
            for line in lines {
                guard let message = decode(line) else { return false }
                if case .hello = message { isGreeted = true }
                handle(message)
            }
        }
        return true
    }

    /// Reads messages on the calling thread until the host closes the pipe.
    /// - Returns: False if the host sent an invalid message.
    func serve() -> Bool {
        while let lines = readLines() {
            guard let lines else { return false }
            for line in lines {
                guard let message = decode(line) else { return false }
                if case .shutdown = message { return true }
                handle(message)
            }
        }
        state.withLock { $0.running }?.task.cancel()
        return true
    }

    /// The lines that the next bytes complete. The outer optional is nil at the end of the input, the inner one if a
    /// line is too long.
    private func readLines() -> [Data]?? {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { bytes in
            while true {
                let count = read(input, bytes.baseAddress, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return .none }
                return .some(state.withLock { $0.lines.append(UnsafeRawBufferPointer(rebasing: bytes[..<count])) })
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

    // MARK: Messages of the host

    private func handle(_ message: HostMessage) {
        switch message {
        case .hello(let hello): answer(hello)
        case .check(let request): start(request) { try await $0.check() }
        case .plan(let request): start(request) { try await $0.plan() }
        case .run(let request): start(request) { try await $0.run() }
        case .cancel(let id): state.withLock { $0.running?.id == id ? $0.running?.task : nil }?.cancel()
        case .answer(let answer):
            state.withLock { $0.calls.removeValue(forKey: answer.request) }?.resume(returning: answer)
        case .shutdown: break
        }
    }

    private func answer(_ hello: HostHello) {
        // A last resort: the host kills the child earlier, when its resident memory exceeds the limit.
        if let memory = hello.memory, memory > 0 { spreader_limit_memory(UInt64(memory) + 2 << 30) }
        let confinement = hello.sandbox.map { $0.confineThisProcess() }
        output.send(
            .ready(
                ChildReady(
                    name: name, release: version, stages: stages.map(\.description), confinement: confinement)))
    }

    private func start(
        _ request: StageRequest, work: @escaping @Sendable (RequestExecution) async throws -> ResultMessage
    ) {
        let isFree = state.withLock { state in
            guard state.running == nil else { return false }
            state.running = (request.id, Task { await execute(request, work: work) })
            return true
        }
        if !isFree { fail(request, with: StageError(.busy, "another request is already running")) }
    }

    private func execute(
        _ request: StageRequest, work: @Sendable (RequestExecution) async throws -> ResultMessage
    ) async {
        let answer: ChildMessage
        do {
            answer = .result(try await work(try execution(of: request)))
        } catch {
            let failure =
                error as? StageError ?? StageError(.internalFault, "stage \(request.stage) failed: \(error)")
            answer = .failure(id: request.id, FailureMessage(failure))
        }
        // Become free before answering: the host may send its next request at once.
        state.withLock { $0.running = nil }
        if !output.send(answer) {
            let problem = "the result of stage \(request.stage) can't be encoded as JSON"
            fail(request, with: StageError(.internalFault, problem))
        }
    }

    private func execution(of request: StageRequest) throws(StageError) -> RequestExecution {
        guard let definition = stages.first(where: { $0.name.rawValue == request.stage }) else {
            throw StageError(.internalFault, "unknown stage \(request.stage)")
        }
        return RequestExecution(
            request: request, definition: definition, host: HostChannel(requestID: request.id, server: self),
            output: output, grantedServices: grantedServices)
    }

    private func fail(_ request: StageRequest, with error: StageError) {
        output.send(.failure(id: request.id, FailureMessage(error)))
    }

    // MARK: Services of the host

    /// Calls a service of the host and waits for its answer.
    /// - Parameter makeCall: Creates the call with the given number.
    func call(_ makeCall: (Int) -> ServiceCall) async throws(StageError) -> JSONValue? {
        let number = state.withLock { state in
            state.lastCall += 1
            return state.lastCall
        }
        let call = makeCall(number)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.calls[number] = continuation }
                output.send(.service(call))
                if Task.isCancelled { cancelCall(number) }
            }
        } onCancel: {
            cancelCall(number)
        }
        if let failure = answer.error { throw failure.error }
        return answer.value
    }

    /// Ends the wait for an answer with `StageError.cancelled`.
    private func cancelCall(_ number: Int) {
        let call = state.withLock { $0.calls.removeValue(forKey: number) }
        call?.resume(returning: ServiceAnswer(request: number, error: FailureMessage(.cancelled)))
    }
}
