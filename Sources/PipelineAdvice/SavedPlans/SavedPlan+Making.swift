package import Foundation
package import PipelineEngine
package import PipelineFile
package import PipelineKit
package import Store

extension SavedPlan.Content {
    /// The content of a checked pipeline, with a digest of all that decides what a run does.
    package init(_ pipeline: Pipeline) {
        name = pipeline.name
        post = pipeline.post
        stages = pipeline.stages.map(SavedPlan.Stage.init)
        variables = pipeline.variables
        struct Decisive: Encodable {
            var name: String
            var post: [String: JSONValue]
            var stages: [SavedPlan.Stage]
        }
        let all = try? JSONValue(encoding: Decisive(name: name, post: post, stages: stages)).text()
        digest = ContentDigest.sha256(all ?? "")
    }
}

extension SavedPlan.Stage {
    /// A stage of a checked pipeline without the values of its secret options.
    init(_ stage: PipelineStage) {
        id = stage.id
        uses = stage.type.name.rawValue
        version = stage.type.version
        origin = stage.type.origin
        mark = stage.type.fingerprint
        let hidden = Set(stage.type.options.filter(\.isSecret).map(\.name))
        options = stage.stage.options.filter { !hidden.contains($0.key) }
        secrets = stage.stage.options.filter { hidden.contains($0.key) && $0.value != .null && $0.value != "" }.map(
            \.key
        ).sorted()
        attempts = stage.retry.attempts
        delay = stage.retry.delay.inSeconds
        maximumDelay = stage.retry.maximumDelay.inSeconds
        timeout = stage.timeout?.inSeconds
    }
}

extension SavedPlan.Asset {
    /// The current state of a footage file and of the files used for it, with its plan.
    /// - Throws: `StageError` with code `file-system` if the footage or a sidecar can't be read.
    package init(
        _ asset: AssetInput, _ plan: AssetPlan?, of pipeline: Pipeline, digests: FileDigests
    ) async throws(StageError) {
        name = asset.name
        path = asset.path
        bytes = try FileSize.of(asset.path)
        modified = (try? FileManager.default.attributesOfItem(atPath: asset.path))?[.modificationDate] as? Date
        sha256 = try await digests.sha256(of: asset.path)
        sidecars = [:]
        let beside = Sidecar.paths(beside: asset.path)
        for sidecar in beside {
            sidecars[URL(filePath: sidecar).lastPathComponent] = try await digests.sha256(of: sidecar)
        }
        files = [:]
        for path in Self.dependencies(try asset.sourceFile(), plan, pipeline) where !beside.contains(path) {
            files[path] = (try? await digests.sha256(of: path)) ?? ""
        }
        let posts = plan.map { $0.parts.isEmpty ? [$0] : $0.parts } ?? []
        titles = pipeline.isIrreversible ? posts.compactMap(\.title) : []
        stages = plan.map { Self.steps($0) + $0.parts.flatMap { Self.steps($0, part: $0.asset) } } ?? []
        refused = plan?.failure.map { "\($0.stage): \($0.error.message)" }
    }

    private static func steps(_ plan: AssetPlan, part: String? = nil) -> [SavedPlan.Step] {
        plan.steps.map { stage, step in
            SavedPlan.Step(
                part: part, stage: stage, action: step.action, reasons: step.reasons, details: step.details)
        }
    }

    /// Further files that stages read. Stops at the first stage whose input is not known from the plan.
    private static func dependencies(
        _ source: SourceFile, _ plan: AssetPlan?, _ pipeline: Pipeline
    ) -> Set<String> {
        var paths: Set<String> = []
        func walk(_ stages: ArraySlice<PipelineStage>, _ plan: AssetPlan?, from start: any Artifact) -> (any Artifact)?
        {
            var input: (any Artifact)? = start
            for stage in stages {
                guard let known = input else { return nil }
                paths.formUnion(stage.stage.dependencies(known))
                input = plan?.steps.first { $0.stage == stage.id }?.plan.output
            }
            return input
        }
        guard let fanOut = pipeline.fanOut else {
            _ = walk(pipeline.stages[...], plan, from: source)
            return paths
        }
        let list = walk(pipeline.stages[...fanOut], plan, from: source) as? any ArtifactList
        let rest = pipeline.stages[(fanOut + 1)...]
        // With only one part, the plan has no parts and continues with the part itself.
        let plans = plan.map { $0.parts.isEmpty ? [$0] : $0.parts } ?? []
        for (part, element) in zip(plans, list?.elements.map { $0 as any Artifact } ?? []) {
            _ = walk(rest, part, from: element)
        }
        return paths
    }
}

extension SavedPlan {
    /// Creates a plan of the current state.
    package init(
        savedAt: Date, program: String, directory: String, command: Command, account: Account, pipeline: Content,
        assets: [Asset]
    ) {
        self.savedAt = savedAt
        self.program = program
        self.directory = directory
        self.command = command
        self.account = account
        self.pipeline = pipeline
        self.assets = assets
    }

    /// The error for a secret option in `--set` that would be stored.
    /// - Parameters:
    ///   - option: The option, from ``secret(in:of:)``.
    ///   - keeper: The record that would contain the value, such as "plan".
    package static func secretRefusal(_ option: String, keeper: String) -> StageError {
        StageError(
            .configuration, "--set sets the secret option \(option), which must not be stored in a \(keeper)",
            hint: "write ${NAME} in the pipeline, and set the value in the environment")
    }

    /// The first secret option, as `stage.option`, that `--set` sets; nil if there is none. Files must not store its value.
    package static func secret(in overrides: [PipelineOverride], of pipeline: Pipeline) -> String? {
        for override in overrides {
            for stage in pipeline.stages where override.concerns(stage: stage.id, named: stage.type.name.rawValue) {
                if stage.type.options.contains(where: { $0.name == override.key && $0.isSecret }) {
                    return "\(stage.id).\(override.key)"
                }
            }
        }
        return nil
    }
}
