package import Crypto
package import Foundation
import Glibc
package import PipelineKit

/// Seals secrets for the disk: ChaCha20-Poly1305, a fresh nonce each time, bound to what the secret belongs to.
package struct Sealer: Sendable {
    private let key: SymmetricKey

    /// A sealer with a key of 32 bytes.
    package init(key: SymmetricKey) { self.key = key }

    /// Seals `secret` so that it opens only with the same context.
    /// - Parameter context: What it belongs to, such as `post:ID`; authenticated, not hidden.
    /// - Throws: `StoreError` when the library refuses.
    package func seal(_ secret: Secret, context: String) throws(StoreError) -> Data {
        do {
            let box = try ChaChaPoly.seal(
                Data(secret.reveal().utf8), using: key, authenticating: Data(context.utf8))
            return box.combined
        } catch {
            throw StoreError(.failed, "sealing a secret failed")
        }
    }

    /// Opens what ``seal(_:context:)`` gave.
    /// - Throws: `StoreError` when the key or the context is another one, or the data was changed.
    package func open(_ sealed: Data, context: String) throws(StoreError) -> Secret {
        do {
            let box = try ChaChaPoly.SealedBox(combined: sealed)
            let clear = try ChaChaPoly.open(box, using: key, authenticating: Data(context.utf8))
            return Secret(String(decoding: clear, as: UTF8.self))
        } catch {
            throw StoreError(
                .unreadable, "a secret in the database can't be opened with this vault key",
                hint: "use the SPREADER_VAULT_KEY (or vault.key file) that it was written with")
        }
    }
}

extension Sealer {
    /// The sealer of this machine: the key from `SPREADER_VAULT_KEY`, else from a file with mode 0600 that is made
    /// when missing.
    /// - Parameters:
    ///   - setting: 32 bytes in base64, when given.
    ///   - file: Where the key file is.
    /// - Throws: `StoreError` when the key has the wrong form, or others may read the file.
    package static func resolve(setting: Secret?, file: URL) throws(StoreError) -> Sealer {
        if let setting {
            guard let bytes = Data(base64Encoded: setting.reveal()), bytes.count == 32 else {
                throw StoreError(
                    .badKey, "SPREADER_VAULT_KEY is not 32 bytes in base64",
                    hint: "make one with: head -c 32 /dev/urandom | base64")
            }
            return Sealer(key: SymmetricKey(data: bytes))
        }
        do {
            if let key = try existingKey(file) { return Sealer(key: key) }
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            let key = SymmetricKey(size: .bits256)
            let text = key.withUnsafeBytes { Data($0).base64EncodedString() }
            // O_EXCL: of two processes that start at once, one makes the key and the other reads it.
            let descriptor = Glibc.open(file.path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
            if descriptor < 0 {
                if errno == EEXIST, let key = try existingKey(file) { return Sealer(key: key) }
                throw StoreError(
                    .badKey, "can't write the vault key \(file.path): \(String(cString: strerror(errno)))",
                    hint: "set SPREADER_VAULT_KEY, or let SPREADER_HOME name a folder that can be written")
            }
            let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.synchronize()
            return Sealer(key: key)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.badKey, "the vault key \(file.path) can't be read or made: \(error.localizedDescription)")
        }
    }

    private static func existingKey(_ file: URL) throws -> SymmetricKey? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        if let mode = attributes[.posixPermissions] as? NSNumber, mode.intValue & 0o077 != 0 {
            throw StoreError(
                .badKey, "others may read the vault key \(file.path)", hint: "run: chmod 600 \(file.path)")
        }
        for _ in 0..<50 {
            let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
            if let bytes = Data(base64Encoded: text.trimmingCharacters(in: .whitespacesAndNewlines)), bytes.count == 32
            {
                return SymmetricKey(data: bytes)
            }
            // Another process may be between creating and writing it.
            usleep(10_000)
        }
        throw StoreError(
            .badKey, "the vault key \(file.path) is not 32 bytes in base64",
            hint: "restore it from a backup; without it, sealed secrets can't be read")
    }
}
