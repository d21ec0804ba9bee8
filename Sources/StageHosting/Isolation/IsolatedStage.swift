import Foundation
import Logging
package import PipelineKit
import PluginProtocol
import Synchronization

/// How a child process is confined while it works.
package enum Confinement: Sendable {
    /// Not confined at all.
    case none
    /// May access all files, but neither the network nor other programs.
    case offline
    /// May access only the asset's own files and its work folder; not the run's folder, so that such stages can't claim
    /// names in it.
    case footage

    /// The sandbox policy for work on an artifact.
    /// - Parameter writableFolder: The work folder of a run; nil for a plan, which writes nothing.
    func sandboxPolicy(for input: any Artifact, writableFolder: URL? = nil) -> SandboxPolicy? {
        switch self {
        case .none: nil
        case .offline: SandboxPolicy(reads: nil, writes: ["/"])
        case .footage:
            SandboxPolicy(
                reads: Set(input.files.map(\.path)).sorted(), writes: [writableFolder?.path].compactMap(\.self))
        }
    }
}

extension StageDefinition {
    /// The same stage, planned and run in a child process of `pool`, so that a crash fails only one asset. Checks still
    /// run in this process.
    package func isolated(in pool: WorkerPool, _ confinement: Confinement = .none) -> StageDefinition {
        exchangingInstances { stage, options in
            let isolated = IsolatedStage(
                stage: description, decodeOutput: decodeOutput, options: options, pool: pool, confinement: confinement)
            return AnyStage(
                options: stage.options, check: stage.check, dependencies: stage.dependencies,
                plan: { (input, context) async throws(StageError) in try await isolated.plan(input, context) },
                run: { (input, context) async throws(StageError) in try await isolated.run(input, context) })
        }
    }
}

/// Runs one stage in a child process.
struct IsolatedStage: Sendable {
    let stage: StageDescription
    /// Decodes an artifact of the stage's output kind.
    let decodeOutput: @Sendable (JSONValue) throws -> any Artifact
    /// The options as written in the pipeline file.
    let options: [String: JSONValue]
    let pool: WorkerPool
    var confinement = Confinement.none
    var grants = SecretGrants()

    /// A request, and what the host needs to serve it.
    private struct Work {
        var request: HostMessage
        /// The asset's name, for messages.
        var asset: String
        var sandbox: SandboxPolicy?
        var logger: Logger?
        /// The context of a run; nil for checks and plans.
        var context: StageContext?
    }

    func check(_ context: CheckContext) async -> [Diagnostic] {
        let request = StageRequest(stage: stage.name, options: options, context: .checking(context))
        do throws(StageError) {
            return try await perform(Work(request: .check(request), asset: "the options check")).findings ?? []
        } catch {
            return [Diagnostic(error, subject: error.outcome == .configuration ? .configuration : .pipeline)]
        }
    }

    func plan(_ input: any Artifact, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let result = try await perform(
            Work(
                request: .plan(try request(for: input, context: RequestContext(context))), asset: input.assetName,
                sandbox: confinement.sandboxPolicy(for: input), logger: context.logger))
        // The run has another sandbox policy than the plan, and so needs another child: start it ahead.
        if case .footage = confinement { pool.warm(beside: true) }
        guard let plan = result.plan else { throw invalidAnswer("no plan") }
        return StagePlan(
            action: plan.action, reasons: plan.reasons, details: plan.details,
            output: try plan.output.map(output), findings: plan.findings ?? [])
    }

    func run(_ input: any Artifact, _ context: StageContext) async throws(StageError) -> any Artifact {
        let isProgram = if case .program = pool.origin { true } else { false }
        let result = try await perform(
            Work(
                request: .run(try request(for: input, context: .running(context, sharesPlan: isProgram))),
                asset: context.asset,
                sandbox: confinement.sandboxPolicy(for: input, writableFolder: context.workDirectory),
                logger: context.logger, context: context))
        guard let artifact = result.artifact else { throw invalidAnswer("no artifact") }
        return try output(artifact)
    }

    private func request(
        for input: any Artifact, context: RequestContext
    ) throws(StageError) -> StageRequest {
        do {
            return StageRequest(
                stage: stage.name, options: options, input: try JSONValue(encoding: input), context: context)
        } catch {
            throw StageError(.internalFault, "the input of \(stage.name) can't be encoded as JSON: \(error)")
        }
    }

    private func perform(_ work: Work) async throws(StageError) -> ResultMessage {
        let services = HostServiceHandler(origin: pool.origin, context: work.context, grants: grants)
        let calls = OpenCalls()
        // Cancel open service calls when the request ends, so that they don't take permits for nothing.
        defer { calls.cancel() }
        let result: ResultMessage
        do throws(WorkerPool.Failure) {
            result = try await pool.perform(
                work.request, sandbox: work.sandbox, mayRepeat: work.context == nil || stage.effect != .irreversible
            ) { message, worker in
                switch message {
                case .progress(let report): work.context?.progress(report.progress)
                case .log(let line): log(line, to: work.logger)
                case .service(let call):
                    calls.add(Self.immediateTask { worker.send(await services.answer(call), of: call.id) })
                case .ready, .result, .failure: break
                }
            }
        } catch {
            throw stageError(for: error, of: work)
        }
        guard case .plugin = pool.origin else { return result }
        return try grants.checked(result, of: stage.name)
    }

    private func log(_ line: LogMessage, to logger: Logger?) {
        logger?.log(
            level: Logger.Level(rawValue: line.level) ?? .info, "\(grants.shown(line.message))",
            metadata: line.metadata.map { metadata in
                Logger.Metadata(
                    metadata.map { (grants.shown($0), "\(grants.shown($1))") }, uniquingKeysWith: { first, _ in first })
            })
    }

    /// Starts a task on the calling thread, if the compiler supports that: switching threads would take longer than
    /// most answers do.
    private static func immediateTask(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        #if compiler(>=6.2)
            Task.immediate { await work() }
        #else
            Task { await work() }
        #endif
    }

    // MARK: Answers and errors

    private func output(_ value: JSONValue) throws(StageError) -> any Artifact {
        do {
            return try decodeOutput(value)
        } catch {
            throw invalidAnswer("\(error)")
        }
    }

    private func stageError(for failure: WorkerPool.Failure, of work: Work) -> StageError {
        switch failure.reason {
        case .stage(let error):
            guard Task.isCancelled || (error.code != .cancelled && error.outcome != .interrupted) else {
                return invalidAnswer("it reports a cancellation that was not requested")
            }
            return grants.redacted(error)
        case .ended(let reason):
            let plugin: String? = if case .plugin(let name) = pool.origin { name } else { nil }
            let readsFootage = if case .footage = confinement { true } else { false }
            var error = reason.error(
                asset: work.asset, stage: stage.name, plugin: plugin, readsFootage: readsFootage,
                lastErrors: failure.lastErrors)
            if work.context != nil, stage.effect == .irreversible, error.code != .cancelled {
                error.recovery = .ambiguous
                error.hint =
                    "the post's state is unknown: see `spreader-pipeline posts list`, then run the same command again"
            }
            return grants.redacted(error)
        }
    }

    private func invalidAnswer(_ problem: String) -> StageError {
        guard case .plugin(let name) = pool.origin else {
            return StageError(
                .internalFault, "the process of stage \(stage.name) returned no valid \(stage.output): \(problem)")
        }
        return StageError(
            .plugin, "plugin \(name) returned no valid \(stage.output) for stage \(stage.name): \(problem)",
            hint: "report it to the plugin's author; `plugins check` shows the details")
    }
}

/// The service calls of one request that have no answer yet.
private final class OpenCalls: Sendable {
    private let state = Mutex<(isOver: Bool, tasks: [Task<Void, Never>])>((false, []))

    func add(_ task: Task<Void, Never>) {
        let isOver = state.withLock { state in
            if !state.isOver { state.tasks.append(task) }
            return state.isOver
        }
        if isOver { task.cancel() }
    }

    func cancel() {
        let tasks = state.withLock { state in
            state.isOver = true
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }
}

extension Artifact {
    /// The name of the artifact's asset, for messages.
    fileprivate var assetName: String {
        switch self {
        case let source as SourceFile: source.displayPath
        case let media as ProbedMedia: media.source.displayPath
        case let video as PreparedVideo: video.source.displayPath
        default: files.first?.path ?? "the asset"
        }
    }
}
