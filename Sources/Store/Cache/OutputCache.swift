package import Foundation
package import PipelineKit

/// An output of a pure stage that is kept for later runs.
package struct CachedOutput: Codable, Sendable {
    /// Digest of all that decides the output.
    package var key: String
    /// All that decides it, in words.
    package var parts: JSONValue
    /// The stage's name.
    package var stage: String
    /// The asset that it was made from, as the user named it, and its path.
    package var asset: String
    package var path: String
    /// The work folder, in which its files are.
    package var folder: String
    /// The run that made it.
    package var run: String
    /// When it was made.
    package var madeAt: Date
    /// How long that took, in seconds.
    package var seconds: Double
    /// What the stage gave.
    package var artifact: JSONValue
    /// Files that the stage made: their content is kept.
    package var files: [FileReference]
    /// When it was last used; the entry's own time in the file system.
    package var usedAt = Date.distantPast
    /// Bytes of the entry itself.
    var entryBytes: Int64 = 0

    private enum CodingKeys: String, CodingKey {
        case key, parts, stage, asset, path, folder, run, madeAt, seconds, artifact, files
    }

    /// An output; see the properties.
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

    /// Bytes of its files.
    package var bytes: Int64 { files.reduce(0) { $0 + $1.bytes } }
}

/// Outputs of pure stages on this machine, shared by all its runs: entries by key, files by content.
///
/// Entries and files appear whole or not at all, and each may vanish at any time: whoever finds half makes the output
/// anew. So runs need no lock on each other, nor on pruning. A file is a second name of the one in the run's work folder
/// where the file system allows it, and whoever takes it checks its digest, which is remembered by size and time.
package struct OutputCache: Sendable {
    private let folder: URL
    private let digests: FileDigests

    /// The cache in `folder`, which is made when something is put there.
    package init(folder: URL, digests: FileDigests) {
        self.folder = folder
        self.digests = digests
    }

    private func entryPath(_ key: String) -> String { folder.appending(path: "entries/\(key).json").path }
    private func contentPath(_ digest: String) -> String {
        folder.appending(path: "files/\(digest.prefix(2))/\(digest)").path
    }

    /// The output under `key`; nil when there is none, or it can't be read.
    package func find(_ key: String) async -> CachedOutput? {
        await BlockingWork.run(name: "cache") { _ in read(entryPath(key)) }
    }

    /// Whether the content of a file is there.
    package func holds(_ file: FileReference) async -> Bool {
        guard let digest = file.sha256 else { return false }
        let path = contentPath(digest)
        guard (try? FileDigests.size(of: path)) == file.bytes else { return false }
        return (try? await digests.sha256(of: path)) == digest
    }

    /// Says that an output was used, so that pruning spares it.
    package func touch(_ key: String) async {
        await BlockingWork.run(name: "cache") { _ in _ = utimensat(AT_FDCWD, entryPath(key), nil, 0) }
    }

    /// What was used last first.
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

    /// Keeps an output.
    ///
    /// Files on another file system than the cache's are not kept, and then nothing is: copying them would cost what
    /// the cache is there to save.
    /// - Returns: Whether it is kept.
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
                    guard [EXDEV, EPERM, EMLINK].contains(errno) else { throw Self.failure("keeping \(file.path)") }
                    return false
                }
                // What was there may have been changed by whoever holds another name of it.
                guard rename(draft, target) == 0 else { throw Self.failure("keeping \(file.path)") }
            }
            let path = entryPath(output.key)
            try makeFolder(of: path)
            do {
                try JSONEncoder().encode(output).write(to: URL(filePath: path), options: .atomic)
                chmod(path, 0o600)
            } catch {
                throw StageError(.fileSystem, "the cache can't be written: \(error.localizedDescription)")
            }
            return true
        }
    }

    /// Gives a file out under `path`.
    /// - Returns: Whether the cache has the content, unchanged.
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

    /// What pruning took away.
    package struct Pruned: Sendable, Hashable {
        /// Outputs.
        package var entries = 0
        /// Bytes of their files.
        package var bytes: Int64 = 0
    }

    /// Bytes of entries and of their files, each content counted once.
    package static func bytes(of entries: [CachedOutput]) -> Int64 {
        var sizes: [String: Int64] = [:]
        for file in entries.flatMap(\.files) { sizes[file.sha256 ?? file.path] = file.bytes }
        return sizes.values.reduce(0, +) + entries.reduce(0) { $0 + $1.entryBytes }
    }

    /// Takes away what was not used for long, then what was not used for longest until the rest fits.
    /// - Parameters:
    ///   - moment: Outputs that were last used before it go; nil for none.
    ///   - limit: Bytes that may stay; nil for all.
    package func prune(unusedSince moment: Date?, limit: ByteCount?) async -> Pruned {
        await BlockingWork.run(name: "cache") { _ in pruneBlocking(unusedSince: moment, limit: limit) }
    }

    /// What can't be read as an entry, such as one of a later version, and is not just being written.
    private func removeUnreadable() {
        let place = folder.appending(path: "entries")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
        for name in names {
            let path = place.appending(path: name).path
            guard read(path) == nil, let mark = FileMark(path) else { continue }
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

    /// Files come before their entries: those of the last minutes may still get one.
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
                .fileSystem, "the folder of \(path) can't be made: \(error.localizedDescription)",
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
