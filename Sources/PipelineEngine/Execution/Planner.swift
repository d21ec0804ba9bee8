import Foundation
package import Logging
package import PipelineFile
package import PipelineKit

/// The plan of a run for one asset.
package struct AssetPlan: Sendable {
    /// The name of the asset, or of the part.
    package var asset: String
    /// The plans of the stages in order, up to the first whose input is not known.
    package var steps: [(stage: String, plan: StagePlan)]
    /// The stage that would fail and its error; nil if no failure is known.
    package var failure: (stage: String, error: StageError)?
    /// The title of its post with all placeholders filled; nil if the plan failed before.
    package var title: String?
    /// The fingerprint of the footage before it was planned; nil if it could not be read.
    package var fingerprint: FileFingerprint?
    /// The plans of its parts; empty if the footage is not split.
    package var parts: [AssetPlan] = []
}

/// Plans runs without writing or sending anything.
package struct Planner: Sendable {
    private let pipeline: Pipeline
    private let settings: [String: String]
    private let clock: HostClock
    private let logger: Logger

    package init(pipeline: Pipeline, settings: [String: String], clock: HostClock, logger: Logger) {
        self.pipeline = pipeline
        self.settings = settings
        self.clock = clock
        self.logger = logger
    }

    /// Plans one asset. Omits stages whose input is not known before the run.
    package func plan(_ asset: AssetInput) async -> AssetPlan {
        var plan = AssetPlan(asset: asset.name, steps: [])
        plan.fingerprint = FileFingerprint(asset.path)
        let first = pipeline.stages.first?.id ?? ""
        do throws(StageError) {
            let source = try asset.sourceFile()
            guard let fanOut = pipeline.fanOut else {
                _ = try await add(pipeline.stages[...], from: source, asset, to: &plan)
                return plan
            }
            let output = try await add(pipeline.stages[...fanOut], from: source, asset, to: &plan)
            guard let list = output as? any ArtifactList else { return plan }
            let rest = pipeline.stages[(fanOut + 1)...]
            if list.elements.count == 1, let only = list.elements.first {
                _ = try await add(rest, from: only, asset, to: &plan)
                return plan
            }
            await addParts(list.elements, rest, asset, to: &plan)
        } catch {
            plan.failure = plan.failure ?? (first, error)
        }
        return plan
    }

    /// Adds a plan for each part. If all parts fail, the whole footage fails.
    private func addParts(
        _ elements: [any Artifact], _ stages: ArraySlice<PipelineStage>, _ asset: AssetInput, to plan: inout AssetPlan
    ) async {
        for (index, element) in elements.enumerated() {
            let number = index + 1
            let label = FootagePart.label(number, of: elements.count)
            var part = AssetPlan(asset: "\(asset.name)#\(label)", steps: [])
            do throws(StageError) {
                _ = try await add(stages, from: element, asset, part: (number, elements.count), to: &part)
            } catch {
                part.failure = part.failure ?? (stages.first?.id ?? "", error)
            }
            plan.parts.append(part)
        }
        if plan.parts.allSatisfy({ $0.failure != nil }) { plan.failure = plan.parts.first?.failure }
    }

    /// Plans stages in order.
    /// - Returns: The output of the last stage; nil if it is not known before the run.
    private func add(
        _ stages: ArraySlice<PipelineStage>, from input: any Artifact, _ asset: AssetInput,
        part: (number: Int, count: Int) = (1, 1), to plan: inout AssetPlan
    ) async throws(StageError) -> (any Artifact)? {
        let post = try AssetPost(pipeline: pipeline, asset: asset, date: clock.now(), part: part)
        plan.title = post.settings.title
        let context = PlanContext(post: post.settings, settings: settings, logger: logger)
        var artifact: (any Artifact)? = input
        for stage in stages {
            guard let input = artifact else { break }
            do throws(StageError) {
                let step = try await stage.stage.plan(input, context)
                plan.steps.append((stage.id, step))
                artifact = step.output
            } catch {
                plan.failure = (stage.id, error)
                throw error
            }
        }
        return artifact
    }

    /// Plans assets concurrently, at most `width` at a time, and returns the plans in the order of the assets.
    package func plans(_ assets: [AssetInput], width: Int = 2) async -> [AssetPlan] {
        var plans: [Int: AssetPlan] = [:]
        await runTasks(for: assets.enumerated(), width: width) { index, asset in
            { (index, await plan(asset)) }
        } end: { index, plan in
            plans[index] = plan
        }
        return assets.indices.compactMap { plans[$0] }
    }
}

extension AssetInput {
    /// The footage as input of the first stage.
    /// - Parameter digest: The digest of its content, and the size at that time.
    /// - Throws: `StageError` with code `file-system` if the file no longer exists.
    package func sourceFile(digest: (sha256: String, bytes: Int64)? = nil) throws(StageError) -> SourceFile {
        guard let bytes = try? FileSize.of(path) else {
            throw StageError(.fileSystem, "\(name) can no longer be read", hint: "was it moved?")
        }
        return SourceFile(
            file: FileReference(path: path, bytes: digest?.bytes ?? bytes, sha256: digest?.sha256),
            displayPath: name)
    }
}
