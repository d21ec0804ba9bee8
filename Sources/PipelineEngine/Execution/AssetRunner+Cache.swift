import Foundation
import Logging
import PipelineFile
import PipelineKit
import Store

extension AssetRunner {
    /// The footage as the user named it, also for a part of it.
    private var footageName: String {
        part.map { String(asset.name.dropLast($0.label.count + 1)) } ?? asset.name
    }

    /// The output that an earlier run made by the same key, with its files put where this run has its own.
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
            // What can't be taken is made, as if it had not been there: another run may have pruned it meanwhile.
            host.logger.warning("an output can't be reused", metadata: ["error": "\(error.description)"])
            return nil
        }
        guard let (json, output) = taken else { return nil }
        await cache.touch(key)
        let record = StageRecord(asset: asset.name, stage: stage.id, reuseKey: key, artifact: json, seconds: 0)
        try await Uncancelled.run { () throws(StageError) in try await host.journal.record(record, run: run.id) }
        host.emit(
            .stageReused(
                asset: asset.name, stage: stage.id,
                reason: "made in run \(entry.run); footage, options and version are the same",
                artifact: output.summary))
        return output
    }

    /// Erases what a plugin's stage left in the work folder before. Its files may have got other names since, in the cache
    /// or a folder of the user's, and whoever writes into a file writes into all of them.
    func makeRoom(for stage: PipelineStage, in folder: URL) async throws(StageError) {
        guard stage.type.origin != nil else { return }
        let earlier = try await host.journal.stages(run: run.id, asset: asset.name).first { $0.stage == stage.id }
        guard let earlier, let output = try? stage.type.decodeOutput(earlier.artifact) else { return }
        for file in output.files where file.path.hasPrefix(folder.path + "/") { unlink(file.path) }
    }

    /// Keeps a pure stage's output for later runs. They can make it anew if need be: no reason to fail.
    func keep(
        _ record: StageRecord, _ parts: ReuseParts, _ stage: PipelineStage, _ output: any Artifact, _ folder: URL
    ) async {
        guard stage.type.effect == .pure, let cache = host.cache, let words = try? JSONValue(encoding: parts.shown)
        else {
            return
        }
        let entry = CachedOutput(
            key: record.reuseKey, parts: words, stage: stage.type.name.rawValue, asset: footageName, path: asset.path,
            folder: folder.path, run: run.id, madeAt: host.clock.now(), seconds: record.seconds,
            artifact: record.artifact,
            files: output.files.filter { $0.path.hasPrefix(folder.path + "/") })
        do throws(StageError) {
            try await cache.put(entry)
        } catch {
            guard error.code != .cancelled else { return }
            host.logger.warning("an output can't be kept", metadata: ["error": "\(error.description)"])
        }
    }
}
