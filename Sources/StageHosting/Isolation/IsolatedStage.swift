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

    /// The sandbox policy for a check or a plan.
    func reach(of input: (any Artifact)?) -> SandboxPolicy? {
        switch self {
        case .none: nil
        case .offline: SandboxPolicy(reads: nil, writes: ["/"])
        case .footage: SandboxPolicy(reads: Self.paths(of: input), writes: [])
        }
    }

    /// The sandbox policy for a run.
    func reach(of input: any Artifact, _ context: StageContext) -> SandboxPolicy? {
        switch self {
        case .none, .offline: return reach(of: input)
        case .footage:
            // Without the run's folder, which contains outputs of other assets.
            return SandboxPolicy(reads: Self.paths(of: input), writes: [context.workDirectory.path])
        }
    }

    private static func paths(of input: (any Artifact)?) -> [String] { Set(input?.files.map(\.path) ?? []).sorted() }
}

extension StageDefinition {
    /// The same stage, planned and run in a child process of `pool`, so that a crash fails only one asset. Checks still
    /// run in this process.
    package func isolated(in pool: WorkerPool, _ confinement: Confinement = .none) -> StageDefinition {
        exchangingInstances { stage, options in
            let isolated = IsolatedStage(type: self, options: options, pool: pool, confinement: confinement)
            return AnyStage(
                options: stage.options, check: stage.check, dependencies: stage.dependencies,
                plan: { (input, context) async throws(StageError) in try await isolated.plan(input, context) },
                run: { (input, context) async throws(StageError) in try await isolated.run(input, context) })
        }
    }
}

/// Runs one stage in a child process.
struct IsolatedStage: Sendable {
    let type: StageDefinition
    let options: [String: JSONValue]
    let pool: WorkerPool
    var confinement = Confinement.none
    var grants = SecretGrants()

    func check(_ context: CheckContext) async -> [Diagnostic] {
        let request = StageRequest(
            id: 0, stage: type.name.rawValue, options: options, input: nil, context: .checking(context))
        do throws(StageError) {
            let result = try await perform(
                asset: "the options check", { HostMessage.check(request.numbered($0)) }, confinement.reach(of: nil))
            return result.findings ?? []
        } catch {
            return [
                Diagnostic(
                    code: error.code.rawValue, error.message, hint: error.hint,
                    subject: error.outcome == .configuration ? .configuration : .pipeline)
            ]
        }
    }

    func plan(_ input: any Artifact, _ context: PlanContext) async throws(StageError) -> StagePlan {
        let request = try request(input, RequestContext(context))
        let result = try await perform(
            asset: input.assetName, { HostMessage.plan(request.numbered($0)) }, confinement.reach(of: input),
            logger: context.logger)
        // The run has another sandbox policy than the plan, and so needs another child: start it ahead.
        if case .footage = confinement { pool.warm(beside: true) }
        guard let plan = result.plan else { throw noAnswer("no plan") }
        return StagePlan(
            action: plan.action, reasons: plan.reasons, details: plan.details,
            output: try plan.output.map(output), findings: plan.findings ?? [])
    }

    func run(_ input: any Artifact, _ context: StageContext) async throws(StageError) -> any Artifact {
        let isProgram = if case .program = pool.origin { true } else { false }
        let request = try request(input, .running(context, sharesPlan: isProgram))
        let result = try await perform(
            asset: context.asset, { HostMessage.run(request.numbered($0)) }, confinement.reach(of: input, context),
            progress: context.progress, logger: context.logger, context: context)
        guard let artifact = result.artifact else { throw noAnswer("no artifact") }
        return try output(artifact)
    }

    private func perform(
        asset: String, _ message: (Int) -> HostMessage, _ reach: SandboxPolicy?,
        progress: @escaping @Sendable (StageProgress) -> Void = { _ in }, logger: Logger? = nil,
        context: StageContext? = nil
    ) async throws(StageError) -> ResultMessage {
        let desk = HostServiceHandler(origin: pool.origin, context: context, grants: grants)
        let grants = grants
        let questions = OpenQuestions()
        // Cancel open service calls when the request ends, so that they don't take permits for nothing.
        defer { questions.cancel() }
        let result: ResultMessage
        do throws(WorkerPool.Failure) {
            result = try await pool.perform(
                message, reach: reach, mayRepeat: context == nil || type.effect != .irreversible
            ) { message, worker in
                switch message {
                case .progress(let report): progress(report.progress)
                case .log(let line):
                    logger?.log(
                        level: Logger.Level(rawValue: line.level) ?? .info,
                        "\(grants.shown(line.message))",
                        metadata: line.metadata.map { metadata in
                            Logger.Metadata(
                                metadata.map { (grants.shown($0), "\(grants.shown($1))") },
                                uniquingKeysWith: { first, _ in first })
                        })
                case .service(let question):
                    questions.add(Self.started { worker.send(await desk.answer(question), of: question.id) })
                case .ready, .result, .failure: break
                }
            }
        } catch {
            switch error.reason {
            case .stage(let error):
                guard Task.isCancelled || (error.code != .cancelled && error.outcome != .interrupted) else {
                    throw noAnswer("it reports a cancellation that was not requested")
                }
                throw grants.redacted(error)
            case .ended(let end):
                throw grants.redacted(ended(end, asset: asset, error.lastWords, isRun: context != nil))
            }
        }
        guard case .plugin = pool.origin else { return result }
        return try grants.checked(result, of: type.name)
    }

    /// Starts a task on the calling thread, if the compiler supports that: switching threads would take longer than
    /// most answers do.
    private static func started(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        #if compiler(>=6.2)
            Task.immediate { await work() }
        #else
            Task { await work() }
        #endif
    }

    private func ended(_ end: TerminationReason, asset: String, _ lastWords: String?, isRun: Bool) -> StageError {
        let plugin: String? = if case .plugin(let name) = pool.origin { name } else { nil }
        let readsFootage = if case .footage = confinement { true } else { false }
        var error = end.error(
            asset: asset, stage: type.name, plugin: plugin, readsFootage: readsFootage, lastWords: lastWords)
        if isRun, type.effect == .irreversible, error.code != .cancelled {
            error.recovery = .ambiguous
            error.hint =
                "the post's state is unknown: see `spreader-pipeline posts list`, then run the same command again"
        }
        return error
    }

    private func request(_ input: any Artifact, _ context: RequestContext) throws(StageError) -> StageRequest {
        do {
            return StageRequest(
                id: 0, stage: type.name.rawValue, options: options, input: try JSONValue(encoding: input),
                context: context)
        } catch {
            throw StageError(.internalFault, "the input of \(type.name) can't be encoded as JSON: \(error)")
        }
    }

    private func output(_ value: JSONValue) throws(StageError) -> any Artifact {
        do {
            return try type.decodeOutput(value)
        } catch {
            throw noAnswer("\(error)")
        }
    }

    private func noAnswer(_ problem: String) -> StageError {
        guard case .plugin(let name) = pool.origin else {
            return StageError(
                .internalFault, "the process of stage \(type.name) returned no valid \(type.output): \(problem)")
        }
        return StageError(
            .plugin, "plugin \(name) returned no valid \(type.output) for stage \(type.name): \(problem)",
            hint: "report it to the plugin's author; `plugins check` shows the details")
    }
}

/// The service calls of one request that have no answer yet.
private final class OpenQuestions: Sendable {
    private let tasks = Mutex<(isOver: Bool, tasks: [Task<Void, Never>])>((false, []))

    func add(_ task: Task<Void, Never>) {
        let isOver = tasks.withLock { state in
            if !state.isOver { state.tasks.append(task) }
            return state.isOver
        }
        if isOver { task.cancel() }
    }

    func cancel() {
        let open = tasks.withLock { state in
            state.isOver = true
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in open { task.cancel() }
    }
}

extension StageRequest {
    fileprivate func numbered(_ id: Int) -> StageRequest {
        var copy = self
        copy.id = id
        return copy
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
