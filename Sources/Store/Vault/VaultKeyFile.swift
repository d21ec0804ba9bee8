import Crypto
package import Foundation
import Glibc

/// The file with the vault's keys: one per line in base64, the newest first, with mode 0600.
package struct VaultKeyFile: Sendable {
    /// The keys of a vault, at least one.
    struct Keys {
        /// The key that encrypts; it also decrypts.
        var newest: SymmetricKey
        /// The keys that only decrypt.
        var older: [SymmetricKey]
    }

    /// The number of keys to keep. Secrets in other databases, or from processes that were running during a rotation,
    /// may still need an older one.
    private static let keptKeys = 32

    package let url: URL

    package init(url: URL) { self.url = url }

    /// Adds a new key, which becomes the newest.
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

    /// Returns the keys of the file, which is created with a random key when missing.
    func loadOrCreate() throws(StoreError) -> Keys {
        if let keys = try load() { return keys }
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StoreError(.badKey, "can't create the folder of the vault key \(url.path): \(error)")
        }
        let draft = "\(url.path).\(UUID().uuidString)"
        try write([SymmetricKey(size: .bits256)], to: draft)
        defer { unlink(draft) }
        // Of two processes that start at once, one creates the link and the other reads its key.
        guard link(draft, url.path) == 0 || errno == EEXIST else {
            throw StoreError(.badKey, "can't create the vault key \(url.path): \(String(cString: strerror(errno)))")
        }
        syncFolder()
        guard let keys = try load() else { throw StoreError(.badKey, "the vault key \(url.path) vanished") }
        return keys
    }

    /// Parses keys separated by `separator`; returns nil unless each is 32 bytes in base64.
    static func keys(in text: String, separator: Character) -> Keys? {
        var keys = text.split(separator: separator).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter {
            !$0.isEmpty
        }.map { Data(base64Encoded: $0).flatMap { $0.count == 32 ? SymmetricKey(data: $0) : nil } }
        guard !keys.isEmpty, !keys.contains(where: { $0 == nil }), let newest = keys.removeFirst() else { return nil }
        return Keys(newest: newest, older: keys.compactMap { $0 })
    }

    /// Returns the keys of the file; nil when the file doesn't exist.
    func load() throws(StoreError) -> Keys? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let text: String
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: url.path)
            if let mode = attributes[.posixPermissions] as? NSNumber, mode.intValue & 0o077 != 0 {
                throw StoreError(
                    .badKey, "the vault key \(url.path) is readable by other users", hint: "run: chmod 600 \(url.path)")
            }
            text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.badKey, "can't read the vault key \(url.path): \(error.localizedDescription)")
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
                hint: "set SPREADER_VAULT_KEY, or set SPREADER_HOME to a writable folder")
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

    /// Syncs the folder: a new file name is on disk only after that.
    private func syncFolder() {
        let descriptor = Glibc.open(url.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
