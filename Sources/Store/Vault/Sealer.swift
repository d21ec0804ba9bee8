package import Crypto
package import Foundation
package import PipelineKit

/// Encrypts secrets at rest with ChaCha20-Poly1305, using a random nonce and a context that the secret belongs to.
///
/// The output contains the id of its key, so that keys can be rotated: the first key encrypts, all keys decrypt.
package struct Sealer: Sendable {
    /// The prefix of output that contains a key id. Earlier versions wrote neither.
    private static let header = Data("SPV2".utf8)

    private struct Key {
        /// The first bytes of a digest of the key; identifies the key without revealing it.
        let id: Data
        let symmetric: SymmetricKey

        init(_ symmetric: SymmetricKey) {
            self.symmetric = symmetric
            var hash = SHA256()
            hash.update(data: Data("spreader-pipeline vault key".utf8))
            symmetric.withUnsafeBytes { hash.update(bufferPointer: $0) }
            id = Data(hash.finalize().prefix(8))
        }

        /// Returns nil when `box` was sealed with another key or context.
        func open(_ box: Data, context: String) -> Secret? {
            guard let box = try? ChaChaPoly.SealedBox(combined: box),
                let clear = try? ChaChaPoly.open(box, using: symmetric, authenticating: Data(context.utf8))
            else { return nil }
            return Secret(String(decoding: clear, as: UTF8.self))
        }
    }

    private let keys: [Key]
    private let first: Key
    /// The key file, to find keys that were added after this sealer was created.
    private let file: VaultKeyFile?

    /// - Parameter key: 32 bytes.
    package init(key: SymmetricKey) { self.init(key: key, older: []) }

    /// - Parameters:
    ///   - key: Encrypts and decrypts.
    ///   - older: Decrypt only.
    package init(key: SymmetricKey, older: [SymmetricKey]) { self.init(key: key, older: older, file: nil) }

    private init(key: SymmetricKey, older: [SymmetricKey], file: VaultKeyFile?) {
        self.file = file
        first = Key(key)
        keys = [first] + older.map(Key.init)
    }

    /// The id of the encrypting key in hex; doesn't reveal the key.
    package var keyID: String { first.id.lowercaseHex }

    /// Derives a key for another purpose; it doesn't reveal the vault key, and changes when that is rotated.
    package func derivedKey(_ purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: first.symmetric, info: Data(purpose.utf8), outputByteCount: 32)
    }

    /// Encrypts `secret` so that it can only be decrypted with the same context.
    /// - Parameter context: The owner of the secret, such as `post:ID`; authenticated, not hidden.
    /// - Throws: `StoreError` when the encryption fails.
    package func seal(_ secret: Secret, context: String) throws(StoreError) -> Data {
        do {
            let box = try ChaChaPoly.seal(
                Data(secret.reveal().utf8), using: first.symmetric, authenticating: Data(context.utf8))
            return Self.header + first.id + box.combined
        } catch {
            throw StoreError(.failed, "encrypting a secret failed")
        }
    }

    /// Decrypts the output of ``seal(_:context:)``.
    /// - Throws: `StoreError` when no key fits, the context differs, or the data was changed.
    package func open(_ sealed: Data, context: String) throws(StoreError) -> Secret {
        let prefixLength = Self.header.count + first.id.count
        if sealed.count > prefixLength, sealed.starts(with: Self.header) {
            let id = sealed.dropFirst(Self.header.count).prefix(first.id.count)
            if let key = keys.first(where: { $0.id == id }),
                let secret = key.open(Data(sealed.dropFirst(prefixLength)), context: context)
            {
                return secret
            }
        }
        // Another process may have rotated the keys since this one started.
        let added = (try? file?.load()).flatMap { $0 }.map { [$0.newest] + $0.older } ?? []
        for key in keys + added.map(Key.init) {
            if let secret = key.open(sealed, context: context) { return secret }
        }
        throw StoreError(
            .unreadable, "can't decrypt a secret in the database with this vault key",
            hint: "use the SPREADER_VAULT_KEY (or vault.key file) that it was written with")
    }
}

extension Sealer {
    /// The sealer of this machine, with the keys of `SPREADER_VAULT_KEY` or else of a key file with mode 0600, which is
    /// created when missing.
    /// - Parameters:
    ///   - setting: The value of `SPREADER_VAULT_KEY`: 32 bytes in base64, followed by older keys, separated by commas.
    ///   - file: The path of the key file.
    /// - Throws: `StoreError` when a key is malformed, or other users can read the file.
    package static func resolve(setting: Secret?, file: URL) throws(StoreError) -> Sealer {
        if let setting {
            guard let keys = VaultKeyFile.keys(in: setting.reveal(), separator: ",") else {
                throw StoreError(
                    .badKey, "SPREADER_VAULT_KEY is not 32 bytes in base64",
                    hint: "create one with: head -c 32 /dev/urandom | base64")
            }
            return Sealer(keys)
        }
        let keyFile = VaultKeyFile(url: file)
        return Sealer(try keyFile.loadOrCreate(), file: keyFile)
    }

    init(_ keys: VaultKeyFile.Keys, file: VaultKeyFile? = nil) {
        self.init(key: keys.newest, older: keys.older, file: file)
    }
}
