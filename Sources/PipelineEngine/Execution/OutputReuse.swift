import Foundation
import PipelineFile
import PipelineKit
import Store

/// Adapts a cached output of an earlier run to an asset of this run.
struct OutputReuse: Sendable {
    let cache: OutputCache
    let digests: FileDigests
    /// The store that machines share; nil if there is none.
    var artifacts: (any ArtifactStore)?

    /// The artifact of the entry with its paths adapted; nil if one of its files is no longer available or has changed.
    /// - Parameters:
    ///   - path: The absolute path of the asset.
    ///   - name: The path of the footage as the user gave it.
    ///   - folder: The folder to place its files in; nil to check only whether they are available.
    func take(
        _ entry: CachedOutput, _ stage: PipelineStage, path: String, name: String, into folder: URL?
    ) async throws(StageError) -> (json: JSONValue, output: any Artifact)? {
        var moved = [entry.origin.path: path]
        if entry.origin.asset != entry.origin.path { moved[entry.origin.asset] = name }
        let made = Set(entry.files.map(\.path))
        guard let before = try? stage.type.decodeOutput(entry.artifact) else { return nil }
        for file in before.files where file.path != entry.origin.path {
            if made.contains(file.path) {
                guard let folder else {
                    if await cache.holds(file) { continue }
                    guard let artifacts, let digest = file.sha256, (try? await artifacts.holds(digest)) == true else {
                        return nil
                    }
                    continue
                }
                let target = try await target(of: file, entry, in: folder)
                var isHere = try await cache.place(file, at: target)
                if !isHere, let artifacts, let digest = file.sha256 {
                    isHere = try await artifacts.fetch(digest, to: target)
                }
                guard isHere else { return nil }
                moved[file.path] = target
            } else {
                // A file of the user, such as an overlay image, or subtitles next to the footage.
                let place = Self.beside(file.path, of: entry.origin.path, now: path)
                guard let expected = file.sha256, let now = try? await digests.sha256(of: place), now == expected else {
                    return nil
                }
                if place != file.path { moved[file.path] = place }
            }
        }
        let json = entry.artifact.replacing(moved)
        guard let output = try? stage.type.decodeOutput(json) else { return nil }
        return (json, output)
    }

    /// The path for a file: its relative path in the old work folder, unless another file exists there.
    private func target(
        of file: FileReference, _ entry: CachedOutput, in folder: URL
    ) async throws(StageError) -> String {
        let usual = folder.appending(path: String(file.path.dropFirst(entry.origin.folder.count + 1)))
        guard let digest = file.sha256, FileManager.default.fileExists(atPath: usual.path),
            try await digests.sha256(of: usual.path) != digest
        else { return usual.path }
        let name = "\(digest.prefix(12))-\(usual.lastPathComponent)"
        return usual.deletingLastPathComponent().appending(path: name).path
    }

    /// The current path of a file that was next to the footage: in the footage's new folder if it exists there.
    private static func beside(_ file: String, of footage: String, now path: String) -> String {
        let folder = URL(filePath: footage).deletingLastPathComponent().path + "/"
        guard file.hasPrefix(folder) else { return file }
        let moved = URL(filePath: path).deletingLastPathComponent().path + "/" + file.dropFirst(folder.count)
        return FileManager.default.fileExists(atPath: moved) ? moved : file
    }
}
