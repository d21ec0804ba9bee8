import Foundation
package import Logging
package import PipelineFile
package import PipelineKit

/// What a run would do with one asset.
package struct AssetPlan: Sendable {
    /// The asset as the user named it.
    package var asset: String
    /// The stages in order, as far as they can be told.
    package var steps: [(stage: String, plan: StagePlan)]
    /// Why the asset can't go through, when that is already known, and at which stage.
    package var failure: (stage: String, error: StageError)?
    /// The title of its post today, everything filled in; nil when that can't be told.
    package var title: String?
    /// The plans of its parts, when a stage makes several of it.
    package var parts: [AssetPlan] = []
}

/// Plans without writing or sending anything.
package struct Planner: Sendable {
    private let pipeline: Pipeline
    private let settings: [String: String]
    private let clock: HostClock
    private let logger: Logger

    /// A planner for `pipeline`.
    package init(pipeline: Pipeline, settings: [String: String], clock: HostClock, logger: Logger) {
        self.pipeline = pipeline
        self.settings = settings
        self.clock = clock
        self.logger = logger
    }

    /// The plan for one asset. Stages whose input can't be foretold are left out.
    package func plan(_ asset: AssetInput) async -> AssetPlan {
        var plan = AssetPlan(asset: asset.name, steps: [])
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

    /// Adds a plan for each part. Footage of which no part can go through is refused as a whole.
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

    /// Plans stages one after another.
    /// - Returns: What the last one would give; nil when that can't be foretold.
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

    /// The plans of many assets, in their order, a few at a time.
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
    /// The footage as the first stage takes it.
    /// - Throws: `StageError` with code `file-system` when it is gone.
    /// - Parameter digest: The digest of its content with the size that it had then.
    package func sourceFile(digest: (sha256: String, bytes: Int64)? = nil) throws(StageError) -> SourceFile {
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber else {
            throw StageError(.fileSystem, "\(name) can't be read any more", hint: "was it moved?")
        }
        return SourceFile(
            file: FileReference(path: path, bytes: digest?.bytes ?? size.int64Value, sha256: digest?.sha256),
            displayPath: name)
    }
}
