package import Foundation
package import PipelineKit

/// Content that machines share, by its SHA-256: what one of them made, another one can go on with.
package protocol ArtifactStore: Sendable {
    /// What people know it by; without secrets.
    var name: String { get }
    /// Whether it has the content with a digest.
    /// - Throws: `StageError` with code `unavailable` when it can't be asked.
    func holds(_ digest: String) async throws(StageError) -> Bool
    /// Takes in a file, unless it has that content already.
    /// - Throws: `StageError` when the file can't be read, or the store can't be written.
    func put(_ file: FileReference, digest: String) async throws(StageError)
    /// Gives a content out as the file at `path`, which is there in full or not at all.
    /// - Returns: Whether it has the content.
    /// - Throws: `StageError` when it can't be read, the file can't be written, or the content is not what its digest says.
    func fetch(_ digest: String, to path: String) async throws(StageError) -> Bool
}

extension ArtifactStore {
    func changed(_ file: FileReference) -> StageError {
        StageError(.footageChanged, "\(file.path) changed while it was put into \(name)", hint: "try again")
    }

    /// Fetches a content into a draft beside `path`, checks it, and gives it its name.
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
                .fileSystem, "the folder of \(path) can't be made", hint: "check its permissions", cause: "\(error)")
        }
        defer { unlink(draft) }
        guard try await fetch(draft) else { return false }
        guard try await FileDigests.compute(draft) == digest else {
            throw StageError(
                .fileSystem, "what \(name) has as \(digest.prefix(12))… is something else",
                hint: "delete it there; it will be made anew")
        }
        guard rename(draft, path) == 0 else {
            throw StageError(.fileSystem, "can't write \(path): \(String(cString: strerror(errno)))")
        }
        return true
    }
}

/// Artifacts in a folder that all machines reach, such as a network file system.
package struct FolderArtifacts: ArtifactStore {
    private let folder: URL

    /// The artifacts in `folder`, which is made when something is put there.
    package init(folder: URL) { self.folder = folder }

    package var name: String { folder.path }

    package func holds(_ digest: String) async throws(StageError) -> Bool {
        FileManager.default.fileExists(atPath: path(digest))
    }

    package func put(_ file: FileReference, digest: String) async throws(StageError) {
        let target = path(digest)
        if FileManager.default.fileExists(atPath: target) {
            // In use: pruning goes by this time.
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
                .fileSystem, "the folder of artifacts \(folder.path) can't be written",
                hint: "check SPREADER_ARTIFACTS and the folder's permissions", cause: "\(error)")
        }
        try await FileCopy.copy(file.path, to: draft)
        // It may have been written to since its digest was taken.
        guard try await FileDigests.compute(draft) == digest else { throw changed(file) }
        // Of two that put the same content, either may win.
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

    /// Erases what was neither put nor fetched for so long.
    /// - Parameters:
    ///   - now: The time as all who share the folder have it.
    ///   - kept: Digests that are still wanted.
    /// - Returns: How many files.
    package func prune(olderThan age: Duration, now: Date, keeping kept: Set<String>) -> Int {
        let before = now.addingTimeInterval(-age.inSeconds)
        let files =
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.contentModificationDateKey])?
            .compactMap { $0 as? URL } ?? []
        return files.filter { file in
            let values = try? file.resourceValues(forKeys: [.contentModificationDateKey, .isRegularFileKey])
            guard !kept.contains(file.lastPathComponent), values?.isRegularFile == true,
                let moment = values?.contentModificationDate, moment < before
            else {
                return false
            }
            return unlink(file.path) == 0
        }.count
    }

    /// Not too many names in one folder.
    private func path(_ digest: String) -> String {
        folder.appending(path: "\(digest.prefix(2))/\(digest)").path
    }
}
