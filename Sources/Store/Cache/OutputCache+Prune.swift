package import Foundation
package import PipelineKit

extension OutputCache {
    /// What a call of ``prune(unusedSince:limit:)`` removed.
    package struct Pruned: Sendable, Hashable {
        /// The number of outputs.
        package var entries = 0
        /// The size of their files.
        package var bytes: Int64 = 0
    }

    /// How long a file may wait for its entry: a file is stored before its entry.
    private static let graceSeconds: TimeInterval = 600

    /// The size of entries and their files; shared content counts once.
    package static func bytes(of entries: [CachedOutput]) -> Int64 {
        var sizes: [String: Int64] = [:]
        for file in entries.flatMap(\.files) { sizes[contentID(file)] = file.bytes }
        return sizes.values.reduce(0, +) + entries.reduce(0) { $0 + $1.entryBytes }
    }

    /// What files with equal content have in common.
    private static func contentID(_ file: FileReference) -> String { file.sha256 ?? file.path }

    /// Removes outputs that were not used recently, then the least recently used ones until the rest fits.
    /// - Parameters:
    ///   - date: Remove outputs that were last used before; nil for none.
    ///   - limit: The maximum size in bytes; nil for no limit.
    package func prune(unusedSince date: Date?, limit: ByteCount?) async -> Pruned {
        await BlockingWork.run(name: "cache") { _ in pruneBlocking(unusedSince: date, limit: limit) }
    }

    private func pruneBlocking(unusedSince date: Date?, limit: ByteCount?) -> Pruned {
        removeUnreadableEntries()
        let (kept, removed) = partition(unusedSince: date, limit: limit)
        let count = removed.filter { unlink(entryPath($0.key)) == 0 }.count
        removeFiles(of: removed, keeping: kept)
        return Pruned(entries: count, bytes: Self.bytes(of: kept + removed) - Self.bytes(of: kept))
    }

    /// Decides which outputs to keep, starting with the least recently used one.
    private func partition(
        unusedSince date: Date?, limit: ByteCount?
    ) -> (kept: [CachedOutput], removed: [CachedOutput]) {
        let entries = readAll().reversed()
        var users: [String: Int] = [:]
        for file in entries.flatMap(\.files) { users[Self.contentID(file), default: 0] += 1 }
        var remainingBytes = Self.bytes(of: Array(entries))
        var kept: [CachedOutput] = []
        var removed: [CachedOutput] = []
        for entry in entries {
            let isOld = date.map { entry.usedAt < $0 } ?? false
            let isOverLimit = limit.map { remainingBytes > $0.bytes } ?? false
            guard isOld || isOverLimit else {
                kept.append(entry)
                continue
            }
            removed.append(entry)
            remainingBytes -= entry.entryBytes
            for file in entry.files {
                let id = Self.contentID(file)
                users[id, default: 1] -= 1
                if users[id] == 0 { remainingBytes -= file.bytes }
            }
        }
        return (kept, removed)
    }

    /// Removes entries that can't be decoded, such as those of a later version, unless they were just written.
    private func removeUnreadableEntries() {
        for path in entryPaths() where read(path) == nil {
            guard let fingerprint = FileFingerprint(path) else { continue }
            if Double(fingerprint.changed) / 1e9 < Date().timeIntervalSince1970 - Self.graceSeconds { unlink(path) }
        }
    }

    /// Removes the files of `removed` at once, and files without an entry after the grace period.
    private func removeFiles(of removed: [CachedOutput], keeping kept: [CachedOutput]) {
        let keptNames = Set(kept.flatMap(\.files).compactMap(\.sha256))
        let removedNames = Set(removed.flatMap(\.files).compactMap(\.sha256))
        let graceStart = Date().timeIntervalSince1970 - Self.graceSeconds
        let files = FileManager.default.enumerator(
            at: folder.appending(path: "files"), includingPropertiesForKeys: [.isRegularFileKey])
        for case let file as URL in files?.allObjects ?? [] where !keptNames.contains(file.lastPathComponent) {
            guard (try? file.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true,
                let fingerprint = FileFingerprint(file.path)
            else { continue }
            let isOrphan = Double(fingerprint.changed) / 1e9 < graceStart
            if removedNames.contains(file.lastPathComponent) || isOrphan { unlink(file.path) }
        }
    }
}
