package import Foundation
package import PipelineKit

/// The cached output of a pure stage.
package struct CachedOutput: Codable, Sendable {
    /// The cache key: a digest of everything that determines the output.
    package var key: String
    /// The readable parts of the key, to explain a cache miss.
    package var parts: JSONValue
    package var stage: String
    /// The asset that it was made from, as the user named it, and its path.
    package var asset: String
    package var path: String
    /// The work folder of the run that made it, where the stage wrote its files.
    package var folder: String
    package var run: String
    package var madeAt: Date
    /// How long the stage took, in seconds.
    package var seconds: Double
    package var artifact: JSONValue
    /// The files that the stage created; the cache keeps their content.
    package var files: [FileReference]
    /// When the entry was last used: its mtime in the cache.
    package var usedAt = Date.distantPast
    /// The size of the entry itself, without its files.
    var entryBytes: Int64 = 0

    private enum CodingKeys: String, CodingKey {
        case key, parts, stage, asset, path, folder, run, madeAt, seconds, artifact, files
    }

    package init(
        key: String, parts: JSONValue, stage: String, asset: String, path: String, folder: String, run: String,
        madeAt: Date, seconds: Double, artifact: JSONValue, files: [FileReference]
    ) {
        self.key = key
        self.parts = parts
        self.stage = stage
        self.asset = asset
        self.path = path
        self.folder = folder
        self.run = run
        self.madeAt = madeAt
        self.seconds = seconds
        self.artifact = artifact
        self.files = files
    }

    /// The total size of its files.
    package var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }
}

/// The outputs of pure stages on this machine, shared by all runs: entries by key, files by digest.
///
/// Entries and files appear completely or not at all, and each may disappear at any time; an incomplete output is
/// discarded and recreated. So neither runs nor pruning need locks. Where the file system allows it, a cached file is a
/// hard link to the one in the work folder. Its digest is checked before use, and remembered by size and time.
package struct OutputCache: Sendable {
    private let folder: URL
    private let digests: FileDigests

    /// - Parameter folder: Created by the first `put`.
    package init(folder: URL, digests: FileDigests) {
        self.folder = folder
        self.digests = digests
    }

    private func entryPath(_ key: String) -> String { folder.appending(path: "entries/\(key).json").path }
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
        guard (try? FileDigests.size(of: path)) == file.bytes else { return false }
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

    private func readAll() -> [CachedOutput] {
        let place = folder.appending(path: "entries")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
        return names.filter { $0.hasSuffix(".json") }.compactMap { read(place.appending(path: $0).path) }
            .sorted { ($0.usedAt, $0.key) > ($1.usedAt, $1.key) }
    }

    private func read(_ path: String) -> CachedOutput? {
        guard let data = FileManager.default.contents(atPath: path),
            var entry = try? JSONDecoder().decode(CachedOutput.self, from: data)
        else { return nil }
        let facts = try? FileManager.default.attributesOfItem(atPath: path)
        entry.usedAt = facts?[.modificationDate] as? Date ?? entry.madeAt
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
            for file in output.files {
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
            }
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

    /// Places a cached file at `path`.
    /// - Returns: False when the cache doesn't have the content, or it was changed.
    /// - Throws: `StageError` when the file can't be written.
    package func place(_ file: FileReference, at path: String) async throws(StageError) -> Bool {
        guard let digest = file.sha256 else { return false }
        let source = contentPath(digest)
        guard (try? FileDigests.size(of: source)) == file.bytes else { return false }
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

    /// What a call of ``prune(unusedSince:limit:)`` removed.
    package struct Pruned: Sendable, Hashable {
        /// The number of outputs.
        package var entries = 0
        /// The size of their files.
        package var bytes: Int64 = 0
    }

    /// The size of entries and their files; shared content counts once.
    package static func bytes(of entries: [CachedOutput]) -> Int64 {
        var sizes: [String: Int64] = [:]
        for file in entries.flatMap(\.files) { sizes[file.sha256 ?? file.path] = file.bytes }
        return sizes.values.reduce(0, +) + entries.reduce(0) { $0 + $1.entryBytes }
    }

    /// Removes outputs that were not used recently, then the least recently used ones until the rest fits.
    /// - Parameters:
    ///   - moment: Remove outputs that were last used before; nil for none.
    ///   - limit: The maximum size in bytes; nil for no limit.
    package func prune(unusedSince moment: Date?, limit: ByteCount?) async -> Pruned {
        await BlockingWork.run(name: "cache") { _ in pruneBlocking(unusedSince: moment, limit: limit) }
    }

    /// Removes entries that can't be decoded, such as those of a later version, unless they are only minutes old.
    private func removeUnreadable() {
        let place = folder.appending(path: "entries")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
        for name in names {
            let path = place.appending(path: name).path
            guard read(path) == nil, let mark = FileFingerprint(path) else { continue }
            if Double(mark.changed) / 1e9 < Date().timeIntervalSince1970 - 600 { unlink(path) }
        }
    }

    private func pruneBlocking(unusedSince moment: Date?, limit: ByteCount?) -> Pruned {
        removeUnreadable()
        let all = readAll().sorted { ($0.usedAt, $0.key) < ($1.usedAt, $1.key) }
        var users: [String: Int] = [:]
        for file in all.flatMap(\.files) { users[file.sha256 ?? file.path, default: 0] += 1 }
        let before = Self.bytes(of: all)
        var (left, kept, pruned) = (before, [CachedOutput](), Pruned())
        for entry in all {
            let isOld = moment.map { entry.usedAt < $0 } ?? false
            let isTooMuch = limit.map { left > $0.bytes } ?? false
            guard isOld || isTooMuch else {
                kept.append(entry)
                continue
            }
            if unlink(entryPath(entry.key)) == 0 { pruned.entries += 1 }
            left -= entry.entryBytes
            for file in entry.files {
                users[file.sha256 ?? file.path, default: 1] -= 1
                if users[file.sha256 ?? file.path] == 0 { left -= file.bytes }
            }
        }
        removeFiles(keeping: Set(kept.flatMap(\.files).compactMap(\.sha256)))
        pruned.bytes = before - left
        return pruned
    }

    /// A file is stored before its entry, so files of the last ten minutes may still get one.
    private func removeFiles(keeping kept: Set<String>) {
        let place = folder.appending(path: "files")
        let recent = Date().addingTimeInterval(-600)
        let files =
            FileManager.default.enumerator(at: place, includingPropertiesForKeys: [.attributeModificationDateKey])?
            .compactMap { $0 as? URL } ?? []
        for file in files where !kept.contains(file.lastPathComponent) {
            let values = try? file.resourceValues(forKeys: [.attributeModificationDateKey, .isRegularFileKey])
            guard values?.isRegularFile == true else { continue }
            if (values?.attributeModificationDate ?? .distantPast) < recent || kept.isEmpty {
                unlink(file.path)
            }
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

    private static func failure(_ what: String) -> StageError {
        let number = errno
        return StageError(
            number == ENOSPC ? .diskFull : .fileSystem, "\(what) failed: \(String(cString: strerror(number)))",
            hint: "see `spreader-pipeline cache prune`")
    }
}
