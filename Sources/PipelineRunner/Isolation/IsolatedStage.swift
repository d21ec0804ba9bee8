import Logging
package import PipelineKit

extension StageType {
    /// The same stage, planned and run in a child process of `pool`: what kills the child fails one asset.
    package func isolated(in pool: WorkerPool) -> StageType {
        exchangingInstances { stage, options in
            let isolated = IsolatedStage(type: self, options: options, pool: pool)
            return AnyStage(
                options: stage.options, check: { await isolated.check($0) },
                plan: { (input, context) async throws(StageError) in try await isolated.plan(input, context) },
                run: { (input, context) async throws(StageError) in try await isolated.run(input, context) })
        }
    }
}

/// One stage whose work is done by a child process.
private struct IsolatedStage: Sendable {
    let type: StageType
    let options: [String: JSONValue]
    let pool: WorkerPool

    func check(_ context: CheckContext) async -> [Diagnostic] {
        let request = StageRequest(
            id: 0, stage: type.name.rawValue, options: options, input: nil, context: RequestContext(context))
        do throws(StageError) {
            let result = try await perform(
                asset: "the check", { HostMessage.check(request.numbered($0)) }, progress: { _ in }, logger: nil,
                checkpoints: nil)
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
            asset: input.assetName, { HostMessage.plan(request.numbered($0)) }, progress: { _ in },
            logger: context.logger, checkpoints: nil)
        guard let plan = result.plan else { throw noAnswer("no plan") }
        return StagePlan(
            action: plan.action, reasons: plan.reasons, details: plan.details,
            output: try plan.output.map(output), findings: plan.findings ?? [])
    }

    func run(_ input: any Artifact, _ context: StageContext) async throws(StageError) -> any Artifact {
        let request = try request(input, RequestContext(context))
        let result = try await perform(
            asset: context.asset, { HostMessage.run(request.numbered($0)) }, progress: context.progress,
            logger: context.logger, checkpoints: context.checkpoints)
        guard let artifact = result.artifact else { throw noAnswer("no artifact") }
        return try output(artifact)
    }

    private func perform(
        asset: String, _ message: (Int) -> HostMessage, progress: @escaping @Sendable (StageProgress) -> Void,
        logger: Logger?, checkpoints: (any Checkpoints)?
    ) async throws(StageError) -> ResultMessage {
        do throws(StageWorker.Failure) {
            return try await pool.perform(message) { message, worker in
                switch message {
                case .progress(let report): progress(report.progress)
                case .log(let line):
                    logger?.log(
                        level: Logger.Level(rawValue: line.level) ?? .info, "\(line.message)",
                        metadata: line.metadata?.mapValues { "\($0)" })
                case .checkpointGet(let note):
                    Task {
                        worker.send(.answer(await Self.answer(note.request) { try await checkpoints?.value(note.key) }))
                    }
                case .checkpointSet(let note):
                    Task {
                        worker.send(
                            .answer(
                                await Self.answer(note.request) {
                                    try await checkpoints?.set(note.key, to: note.value ?? .null)
                                    return nil
                                }))
                    }
                case .ready, .result, .failure: break
                }
            }
        } catch {
            switch error {
            case .stage(let error): throw error
            case .ended(let end): throw end.error(asset: asset, stage: type.name)
            }
        }
    }

    private static func answer(
        _ request: Int, _ body: () async throws -> JSONValue?
    ) async -> CheckpointAnswer {
        do {
            return CheckpointAnswer(request: request, value: try await body())
        } catch {
            let error = error as? StageError ?? StageError(.internalFault, "the checkpoint failed: \(error)")
            return CheckpointAnswer(request: request, error: FailureMessage(error))
        }
    }

    private func request(_ input: any Artifact, _ context: RequestContext) throws(StageError) -> StageRequest {
        do {
            return StageRequest(
                id: 0, stage: type.name.rawValue, options: options, input: try JSONValue(encoding: input),
                context: context)
        } catch {
            throw StageError(.internalFault, "the input of \(type.name) has no JSON form: \(error)")
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
        StageError(.internalFault, "the process of stage \(type.name) gave no \(type.output): \(problem)")
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
    /// What a person calls the asset that the artifact belongs to.
    fileprivate var assetName: String {
        switch self {
        case let source as SourceFile: source.displayPath
        case let media as ProbedMedia: media.source.displayPath
        case let video as PreparedVideo: video.source.displayPath
        default: files.first?.path ?? "the asset"
        }
    }
}
