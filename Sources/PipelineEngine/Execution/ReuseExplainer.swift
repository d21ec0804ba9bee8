import Foundation
package import PipelineFile
package import PipelineKit
package import Store

/// Explains whether a run would reuse a stage's cached output, and if not, how its key differs from an earlier one.
package struct ReuseExplainer: Sendable {
    /// The explanation for one asset.
    package struct Answer: Sendable, Hashable {
        package var asset: String
        package var isReused: Bool
        /// The result in one line.
        package var verdict: String
        /// The differences, one clause each.
        package var reasons: [String]
    }

    private let pipeline: Pipeline
    private let cache: OutputCache?
    private let digests: FileDigests
    private let artifacts: (any ArtifactStore)?

    /// Creates an explainer for a pipeline.
    /// - Parameters:
    ///   - cache: Nil if caching is disabled.
    ///   - artifacts: The store that machines share; nil if there is none.
    package init(
        pipeline: Pipeline, cache: OutputCache?, digests: FileDigests, artifacts: (any ArtifactStore)? = nil
    ) {
        self.pipeline = pipeline
        self.artifacts = artifacts
        self.cache = cache
        self.digests = digests
    }

    /// Explains `stage` for one asset.
    /// - Throws: `StageError` if the footage can't be read.
    package func explain(_ stage: PipelineStage, _ asset: AssetInput) async throws(StageError) -> Answer {
        func answer(_ isReused: Bool, _ verdict: String, _ reasons: [String] = []) -> Answer {
            Answer(asset: asset.name, isReused: isReused, verdict: verdict, reasons: reasons)
        }
        guard stage.type.effect == .pure else {
            return answer(
                false, "runs each time",
                ["its effect is \(stage.type.effect.rawValue): only outputs of pure stages are reused by later runs"])
        }
        guard let cache else {
            return answer(false, "runs each time", ["the cache is disabled: SPREADER_CACHE_SIZE is 0"])
        }
        let reuse = OutputReuse(cache: cache, digests: digests, artifacts: artifacts)
        let digest = try await digests.sha256(of: asset.path)
        var artifact: any Artifact = try asset.sourceFile(digest: (digest, try FileSize.of(asset.path)))
        var before = digest
        let entries = await cache.entries().sorted { ($0.origin.madeAt, $0.key) > ($1.origin.madeAt, $1.key) }
        for step in pipeline.stages {
            let parts = try await ReuseParts(
                step, artifact, before: before, footage: asset.path, digests: digests)
            let key = try parts.key
            let entry = await cache.find(key)
            var output: (any Artifact)?
            if let entry {
                output = try await reuse.take(entry, step, path: asset.path, name: asset.name, into: nil)?.output
            }
            if step.id == stage.id {
                if let entry, output != nil { return answer(true, "reused: made in run \(entry.origin.run)") }
                return answer(false, "runs", await reasons(step, parts, entry, asset, entries))
            }
            guard step.type.effect == .pure else {
                return answer(
                    false, "unknown until \(step.id) has run",
                    ["\(step.id): its effect is \(step.type.effect.rawValue), and its output decides"])
            }
            guard let output else {
                return answer(
                    false, "runs, because \(step.id) before it runs",
                    await reasons(step, parts, entry, asset, entries).map { "\(step.id): \($0)" })
            }
            (artifact, before) = (output, key)
            // Of a series, explain only the first part.
            if let list = output as? any ArtifactList, let first = list.elements.first {
                artifact = first
                if list.elements.count > 1 { before += "\npart 1/\(list.elements.count)" }
            }
        }
        return answer(false, "runs", ["the pipeline ends before this stage"])
    }

    /// The differences from the newest earlier output for the same footage, or else for footage of the same name.
    /// - Parameter same: The entry with the same key, if it exists but can't be used.
    private func reasons(
        _ step: PipelineStage, _ parts: ReuseParts, _ same: CachedOutput?, _ asset: AssetInput,
        _ entries: [CachedOutput]
    ) async -> [String] {
        if let same {
            for file in same.files where await cache?.holds(file) != true {
                return ["a file that it created is missing"]
            }
            return ["a file that it read in run \(same.origin.run) is missing or has changed"]
        }
        let mine = entries.filter { $0.origin.stage == step.type.name.rawValue }.compactMap { entry in
            (try? entry.parts.decode(ReuseParts.self)).map { (entry: entry, parts: $0) }
        }
        // Prefer an output with the same predecessor, then of the same part of the same footage, then of the same name.
        let found =
            mine.first { $0.parts.before == parts.before }
            ?? mine.first { $0.entry.origin.path == asset.path && $0.parts.part == parts.part }
            ?? mine.first { $0.entry.origin.asset == asset.name || $0.parts.footage == parts.footage }
        guard let (earlier, before) = found else { return ["the cache has no output of \(step.id) for \(asset.name)"] }
        var reasons = parts.differences(from: before)
        if parts.before != before.before {
            let isFirst = step.id == pipeline.stages.first?.id
            reasons.append(
                isFirst
                    ? "the content of the footage has changed since run \(earlier.origin.run)"
                    : "the cache key of the stage before it has changed")
        }
        return reasons
    }
}
