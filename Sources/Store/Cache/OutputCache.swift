package import Foundation
package import PipelineKit

/// The outputs of pure stages on this machine, shared by all runs: entries by key, files by digest.
///
/// Entries and files appear completely or not at all, and each may disappear at any time; an incomplete output is
/// discarded and recreated. So neither runs nor pruning need locks. Where the file system allows it, a cached file is a
/// hard link to the one in the work folder. Its digest is checked before use, and remembered by size and time.
package struct OutputCache: Sendable {
    let folder: URL
    private let digests: FileDigests

    /// - Parameter folder: Created by the first `put`.
    package init(folder: URL, digests: FileDigests) {
        self.folder = folder
        self.digests = digests
    }

    func entryPath(_ key: String) -> String { folder.appending(path: "entries/\(key).json").path }
    private func contentPath(_ digest: String) -> String {
        folder.appending(path: "files/\(digest.prefix(2))/\(digest)").path
    }

    /// Returns the output for `key`; nil when it is missing or can't be read.
    package func find(_ key: String) async -> CachedOutput? {
        await BlockingWork.run(name: "cache") { _ in read(entryPath(key)) }
    }

    /// Whether the cache has the unchanged content of a file.
    package func holds(_ file: FileReference) async -> Bool {
        guard let digest = file.sha256 else { return false }
        let path = contentPath(digest)
        guard (try? FileSize.of(path)) == file.bytes else { return false }
        return (try? await digests.sha256(of: path)) == digest
    }

    /// Marks an output as used, so that pruning keeps it longer.
    package func touch(_ key: String) async {
        await BlockingWork.run(name: "cache") { _ in _ = utimensat(AT_FDCWD, entryPath(key), nil, 0) }
    }

    /// All entries, most recently used first.
    package func entries() async -> [CachedOutput] {
        await BlockingWork.run(name: "cache") { _ in readAll() }
    }

    /// The paths of all entries, readable or not.
    func entryPaths() -> [String] {
        let entries = folder.appending(path: "entries")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: entries.path)) ?? []
        return names.map { entries.appending(path: $0).path }
    }

    /// All readable entries, most recently used first.
    func readAll() -> [CachedOutput] {
        entryPaths().filter { $0.hasSuffix(".json") }.compactMap(read)
            .sorted { ($0.usedAt, $0.key) > ($1.usedAt, $1.key) }
    }

    func read(_ path: String) -> CachedOutput? {
        guard let data = FileManager.default.contents(atPath: path),
            var entry = try? JSONDecoder().decode(CachedOutput.self, from: data)
        else { return nil }
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        entry.usedAt = attributes?[.modificationDate] as? Date ?? entry.origin.madeAt
        entry.entryBytes = Int64(data.count)
        return entry
    }

    /// Adds an output to the cache.
    ///
    /// Stores nothing when a file is on another file system: a copy would cost what the cache is meant to save.
    /// - Returns: Whether the output was stored.
    /// - Throws: `StageError` with code `file-system` or `disk-full` when the cache can't be written.
    @discardableResult
    package func put(_ output: CachedOutput) async throws(StageError) -> Bool {
        try await BlockingWork.run(name: "cache") { (_) throws(StageError) in
            for file in output.files where try !store(file) { return false }
            let path = entryPath(output.key)
            try makeFolder(of: path)
            do {
                try JSONEncoder().encode(output).write(to: URL(filePath: path), options: .atomic)
                chmod(path, 0o600)
            } catch {
                throw StageError(.fileSystem, "can't write to the cache: \(error.localizedDescription)")
            }
            return true
        }
    }

    /// Adds a file to the cache as a hard link; returns false when that is not possible.
    private func store(_ file: FileReference) throws(StageError) -> Bool {
        guard let digest = file.sha256 else { return false }
        let target = contentPath(digest)
        try makeFolder(of: target)
        let draft = target + ".\(UUID().uuidString).part"
        defer { unlink(draft) }
        guard link(file.path, draft) == 0 else {
            guard [EXDEV, EPERM, EMLINK].contains(errno) else { throw Self.failure("caching \(file.path)") }
            return false
        }
        // Replace an existing file: its content may have been changed through another hard link.
        guard rename(draft, target) == 0 else { throw Self.failure("keeping \(file.path)") }
        return true
    }

    /// Places a cached file at `path`.
    /// - Returns: False when the cache doesn't have the content, or it was changed.
    /// - Throws: `StageError` when the file can't be written.
    package func place(_ file: FileReference, at path: String) async throws(StageError) -> Bool {
        guard let digest = file.sha256 else { return false }
        let source = contentPath(digest)
        guard (try? FileSize.of(source)) == file.bytes else { return false }
        guard try await digests.sha256(of: source) == digest else {
            unlink(source)
            return false
        }
        return try await BlockingWork.run(name: "cache") { (flag) throws(StageError) in
            try makeFolder(of: path)
            let draft = path + ".\(UUID().uuidString).part"
            defer { unlink(draft) }
            if link(source, draft) != 0 {
                if errno == ENOENT { return false }
                try OutputFolder.copy(source, to: draft, flag: flag)
            }
            guard rename(draft, path) == 0 else { throw Self.failure("writing \(path)") }
            return true
        }
    }

    private func makeFolder(of path: String) throws(StageError) {
        do {
            try FileManager.default.createDirectory(
                at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StageError(
                .fileSystem, "can't create the folder of \(path): \(error.localizedDescription)",
                hint: "check the permissions of SPREADER_HOME")
        }
    }

    private static func failure(_ operation: String) -> StageError {
        let number = errno
        return StageError(
            number == ENOSPC ? .diskFull : .fileSystem, "\(operation) failed: \(String(cString: strerror(number)))",
            hint: "see `spreader-pipeline cache prune`")
    }
}
