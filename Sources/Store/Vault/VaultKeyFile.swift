import Crypto
package import Foundation
import Glibc

/// The file that holds the vault's keys: one a line in base64, the newest first, readable by its owner alone.
package struct VaultKeyFile: Sendable {
    /// At least one key.
    struct Keys {
        /// The one that seals.
        var newest: SymmetricKey
        /// Those that still open.
        var older: [SymmetricKey]
    }

    /// Keys that stay in the file: nothing that was sealed with an older one, by a program that was running during a
    /// rotation or in another database, may become unreadable.
    private static let keptKeys = 32

    /// The file.
    package let url: URL

    /// The key file at `url`.
    package init(url: URL) { self.url = url }

    /// Puts a new key in front of the others.
    /// - Throws: `StoreError` when the file can't be read or written.
    package func rotate() throws(StoreError) {
        let keys = try loadOrCreate()
        let kept = [SymmetricKey(size: .bits256), keys.newest] + keys.older
        let draft = url.path + ".new"
        unlink(draft)
        try write(kept.prefix(Self.keptKeys), to: draft)
        guard rename(draft, url.path) == 0 else {
            throw StoreError(.badKey, "can't replace the vault key \(url.path): \(String(cString: strerror(errno)))")
        }
        syncFolder()
    }

    /// The keys of the file, which is made with a fresh one when it is missing.
    func loadOrCreate() throws(StoreError) -> Keys {
        if let keys = try load() { return keys }
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StoreError(.badKey, "the folder of the vault key \(url.path) can't be made: \(error)")
        }
        let draft = "\(url.path).\(UUID().uuidString)"
        try write([SymmetricKey(size: .bits256)], to: draft)
        defer { unlink(draft) }
        // Of two processes that start at once, one links its key to the name and the other reads it.
        guard link(draft, url.path) == 0 || errno == EEXIST else {
            throw StoreError(.badKey, "can't make the vault key \(url.path): \(String(cString: strerror(errno)))")
        }
        syncFolder()
        guard let keys = try load() else { throw StoreError(.badKey, "the vault key \(url.path) vanished") }
        return keys
    }

    /// The keys in a text, one after the other; nil unless each is 32 bytes in base64.
    static func keys(in text: String, separator: Character) -> Keys? {
        var keys = text.split(separator: separator).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter {
            !$0.isEmpty
        }.map { Data(base64Encoded: $0).flatMap { $0.count == 32 ? SymmetricKey(data: $0) : nil } }
        guard !keys.isEmpty, !keys.contains(where: { $0 == nil }), let newest = keys.removeFirst() else { return nil }
        return Keys(newest: newest, older: keys.compactMap { $0 })
    }

    /// The keys of the file; nil when there is none.
    func load() throws(StoreError) -> Keys? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let text: String
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
            if let mode = attributes[.posixPermissions] as? NSNumber, mode.intValue & 0o077 != 0 {
                throw StoreError(
                    .badKey, "others may read the vault key \(url.path)", hint: "run: chmod 600 \(url.path)")
            }
            text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.badKey, "the vault key \(url.path) can't be read: \(error.localizedDescription)")
        }
        guard let keys = Self.keys(in: text, separator: "\n") else {
            throw StoreError(
                .badKey, "the vault key \(url.path) is not 32 bytes in base64",
                hint: "restore it from a backup; without it, sealed secrets can't be read")
        }
        return keys
    }

    private func write(_ keys: some Sequence<SymmetricKey>, to path: String) throws(StoreError) {
        let text = keys.map { key in key.withUnsafeBytes { Data($0).base64EncodedString() } + "\n" }.joined()
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .badKey, "can't write the vault key \(url.path): \(String(cString: strerror(errno)))",
                hint: "set SPREADER_VAULT_KEY, or let SPREADER_HOME name a folder that can be written")
        }
        do {
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
        } catch {
            unlink(path)
            throw StoreError(.badKey, "can't write the vault key \(url.path): \(error.localizedDescription)")
        }
    }

    /// A new name is on the disk only with its folder.
    private func syncFolder() {
        let descriptor = Glibc.open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
