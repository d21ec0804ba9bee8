import Foundation
import Logging
import PipelineKit
import Store

extension AssetRunner {
    /// The footage as the user named it, also for a part of it.
    private var footageName: String {
        part.map { String(asset.name.dropLast($0.label.count + 1)) } ?? asset.name
    }

    /// The output that an earlier run made by the same key, with its files put where this run has its own.
    func kept(
        _ stage: PipelineStage, _ key: String, _ digest: String, _ folder: URL
    ) async throws(StageError) -> (any Artifact)? {
        guard stage.type.effect == .pure, engine.request.usesCache, let cache = host.cache, let entry = cache.find(key),
            let artifact = try await taken(entry, stage, digest, folder, cache)
        else { return nil }
        cache.touch(key)
        let (json, output) = artifact
        let record = StageRecord(asset: asset.name, stage: stage.id, reuseKey: key, artifact: json, seconds: 0)
        try await Uncancelled.run { () throws(StageError) in try await host.journal.record(record, run: run.id) }
        host.emit(
            .stageReused(
                asset: asset.name, stage: stage.id,
                reason: "made in run \(entry.run); footage, options and version are the same",
                artifact: output.summary))
        return output
    }

    /// The entry's artifact for this run; nil when a file of it is not to be had.
    private func taken(
        _ entry: CachedOutput, _ stage: PipelineStage, _ digest: String, _ folder: URL, _ cache: OutputCache
    ) async throws(StageError) -> (json: JSONValue, output: any Artifact)? {
        var moved = [entry.path: asset.path, entry.asset: footageName]
        let made = Set(entry.files.map(\.path))
        guard let before = try? stage.type.decodeOutput(entry.artifact) else { return nil }
        for file in before.files where moved[file.path] == nil {
            if made.contains(file.path) {
                let path = folder.appending(path: URL(filePath: file.path).lastPathComponent).path
                var isHere = try await cache.place(file, at: path)
                if !isHere { isHere = try await fetched(file, to: path) }
                guard isHere else { return nil }
                moved[file.path] = path
            } else {
                // A file of the user's, such as a picture that is drawn.
                guard let expected = file.sha256, let now = try? await host.digests.sha256(of: file.path),
                    now == expected
                else { return nil }
            }
        }
        let json = entry.artifact.replacing(moved)
        guard let output = try? stage.type.decodeOutput(json) else { return nil }
        return (json, output)
    }

    /// Fetches a file from where machines share them; nil when it is not there.
    private func fetched(_ file: FileReference, to path: String) async throws(StageError) -> Bool {
        guard let artifacts = host.artifacts, let digest = file.sha256 else { return false }
        return try await artifacts.fetch(digest, to: path)
    }

    /// Keeps a pure stage's output for later runs. They can make it anew if need be: no reason to fail.
    func keep(
        _ record: StageRecord, _ parts: ReuseParts, _ stage: PipelineStage, _ output: any Artifact, _ folder: URL
    ) async {
        guard stage.type.effect == .pure, let cache = host.cache, let words = try? JSONValue(encoding: parts) else {
            return
        }
        let entry = CachedOutput(
            key: record.reuseKey, parts: words, stage: stage.type.name.rawValue, asset: footageName, path: asset.path,
            run: run.id, madeAt: host.clock.now(), seconds: record.seconds, artifact: record.artifact,
            files: output.files.filter { $0.path.hasPrefix(folder.path + "/") })
        do throws(StageError) {
            try await cache.put(entry)
        } catch {
            guard error.code != .cancelled else { return }
            host.logger.warning("an output can't be kept", metadata: ["error": "\(error.description)"])
        }
    }
}
