package import Foundation
package import PipelineKit

/// Files shared between machines and named by their SHA-256, so that one machine can continue with another's output.
package protocol ArtifactStore: Sendable {
    /// The store's name in messages; contains no secrets.
    var name: String { get }
    /// Whether the store has the content with this digest.
    /// - Throws: `StageError` with code `unavailable` when the store can't be reached.
    func holds(_ digest: String) async throws(StageError) -> Bool
    /// Adds a file, unless the store already has its content.
    /// - Throws: `StageError` when the file can't be read or the store can't be written to.
    func put(_ file: FileReference, digest: String) async throws(StageError)
    /// Writes the content with this digest to `path`, completely or not at all.
    /// - Returns: False when the store doesn't have the content.
    /// - Throws: `StageError` when a read or write fails, or the content doesn't match its digest.
    func fetch(_ digest: String, to path: String) async throws(StageError) -> Bool
}

extension ArtifactStore {
    func changed(_ file: FileReference) -> StageError {
        StageError(
            .footageChanged, "\(file.path) changed while it was being copied to \(name)",
            hint: "run the same command again")
    }

    /// Fetches content into a temporary file next to `path`, verifies its digest and renames it.
    func place(
        _ digest: String, at path: String, _ fetch: (String) async throws(StageError) -> Bool
    ) async throws(StageError) -> Bool {
        let target = URL(filePath: path)
        let draft = target.deletingLastPathComponent().appending(path: ".\(UUID().uuidString).part").path
        do {
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "can't create the folder of \(path)", hint: "check its permissions", cause: "\(error)")
        }
        defer { unlink(draft) }
        guard try await fetch(draft) else { return false }
        guard try await FileDigests.compute(draft) == digest else {
            throw StageError(
                .fileSystem, "in \(name), the content of \(digest.prefix(12))… doesn't match its digest",
                hint: "delete it there; the next run recreates it")
        }
        guard rename(draft, path) == 0 else {
            throw StageError(.fileSystem, "can't write \(path): \(String(cString: strerror(errno)))")
        }
        return true
    }
}

/// An artifact store in a folder that all machines can access, such as a network file system.
package struct FolderArtifacts: ArtifactStore {
    private let folder: URL

    /// - Parameter folder: Created by the first `put`.
    package init(folder: URL) { self.folder = folder }

    package var name: String { folder.path }

    package func holds(_ digest: String) async throws(StageError) -> Bool {
        FileManager.default.fileExists(atPath: path(digest))
    }

    package func put(_ file: FileReference, digest: String) async throws(StageError) {
        let target = path(digest)
        if FileManager.default.fileExists(atPath: target) {
            // Pruning goes by the modification time.
            utimensat(AT_FDCWD, target, nil, 0)
            return
        }
        let draft = target + ".\(UUID().uuidString).part"
        defer { unlink(draft) }
        do {
            try FileManager.default.createDirectory(
                at: URL(filePath: target).deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch {
            throw StageError(
                .fileSystem, "can't write to the artifact folder \(folder.path)",
                hint: "check SPREADER_ARTIFACTS and the folder's permissions", cause: "\(error)")
        }
        try await FileCopy.copy(file.path, to: draft)
        // The file may have changed since its digest was computed.
        guard try await FileDigests.compute(draft) == digest else { throw changed(file) }
        // Two processes may put the same content at once: either file is fine.
        guard rename(draft, target) == 0 else {
            throw StageError(.fileSystem, "can't write \(target): \(String(cString: strerror(errno)))")
        }
    }

    package func fetch(_ digest: String, to path: String) async throws(StageError) -> Bool {
        let source = self.path(digest)
        guard FileManager.default.fileExists(atPath: source) else { return false }
        utimensat(AT_FDCWD, source, nil, 0)
        return try await place(digest, at: path) { (draft) throws(StageError) in
            try await FileCopy.copy(source, to: draft)
            return true
        }
    }

    /// Deletes files that were neither put nor fetched for `age`.
    /// - Parameters:
    ///   - now: The time on the clock that the machines share.
    ///   - kept: Digests that are still needed.
    /// - Returns: The number of deleted files.
    package func prune(olderThan age: Duration, now: Date, keeping kept: Set<String>) -> Int {
        let cutoff = now.addingTimeInterval(-age.inSeconds)
        let files =
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.contentModificationDateKey])?
            .compactMap { $0 as? URL } ?? []
        return files.filter { file in
            let values = try? file.resourceValues(forKeys: [.contentModificationDateKey, .isRegularFileKey])
            guard !kept.contains(file.lastPathComponent), values?.isRegularFile == true,
                let modified = values?.contentModificationDate, modified < cutoff
            else {
                return false
            }
            return unlink(file.path) == 0
        }.count
    }

    // Two levels keep folders small.
    private func path(_ digest: String) -> String {
        folder.appending(path: "\(digest.prefix(2))/\(digest)").path
    }
}
