import Foundation
import Logging
import PipelineFile
import PipelineKit
import Store

extension AssetRunner {
    /// The path of the footage as the user gave it, without the label of a part.
    private var footageName: String {
        part.map { String(asset.name.dropLast($0.label.count + 1)) } ?? asset.name
    }

    /// Reuses the output that an earlier run cached under the same key, and places its files in the work folder. Nil if
    /// there is none, or if it can't be used.
    func kept(
        _ stage: PipelineStage, _ key: String, _ folder: URL
    ) async throws(StageError) -> (any Artifact)? {
        guard stage.type.effect == .pure, engine.request.usesCache, let cache = host.cache,
            let entry = await cache.find(key)
        else { return nil }
        let reuse = OutputReuse(cache: cache, digests: host.digests, artifacts: host.artifacts)
        let taken: (json: JSONValue, output: any Artifact)?
        do throws(StageError) {
            taken = try await reuse.take(entry, stage, path: asset.path, name: footageName, into: folder)
        } catch {
            if error.code == .cancelled { throw error }
            // Run the stage instead: another run may have pruned the entry in the meantime.
            host.logger.warning("an output can't be reused", metadata: ["error": "\(error.description)"])
            return nil
        }
        guard let (json, output) = taken else { return nil }
        await cache.touch(key)
        let record = StageRecord(asset: asset.name, stage: stage.id, reuseKey: key, artifact: json, seconds: 0)
        try await withCancellationShield { () throws(StageError) in try await host.journal.record(record, run: run.id) }
        host.emit(
            .stageReused(
                asset: asset.name, stage: stage.id,
                reason: "made in run \(entry.origin.run); footage, options and version are the same",
                artifact: output.summary))
        return output
    }

    /// Deletes the earlier output files of a plugin stage. They may have hard links in the cache or a folder of the
    /// user, which a plugin that writes into an existing file would change as well.
    func makeRoom(for stage: PipelineStage, in folder: URL) async throws(StageError) {
        guard stage.type.origin != nil else { return }
        let earlier = try await host.journal.stages(run: run.id, asset: asset.name).first { $0.stage == stage.id }
        guard let earlier, let output = try? stage.type.decodeOutput(earlier.artifact) else { return }
        for file in output.files where file.path.hasPrefix(folder.path + "/") { unlink(file.path) }
    }

    /// Caches the output of a pure stage for later runs. Best effort: a later run can recreate it.
    func keep(
        _ record: StageRecord, _ parts: ReuseParts, _ stage: PipelineStage, _ output: any Artifact, _ folder: URL
    ) async {
        guard stage.type.effect == .pure, let cache = host.cache, let words = try? JSONValue(encoding: parts.shown)
        else {
            return
        }
        let entry = CachedOutput(
            key: record.reuseKey, parts: words,
            origin: CachedOutput.Origin(
                stage: stage.type.name.rawValue, asset: footageName, path: asset.path, folder: folder.path,
                run: run.id, madeAt: host.clock.now(), seconds: record.seconds),
            artifact: record.artifact,
            files: output.files.filter { $0.path.hasPrefix(folder.path + "/") })
        do throws(StageError) {
            try await cache.put(entry)
        } catch {
            guard error.code != .cancelled else { return }
            host.logger.warning("an output can't be cached", metadata: ["error": "\(error.description)"])
        }
    }
}
