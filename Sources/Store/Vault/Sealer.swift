package import Crypto
package import Foundation
package import PipelineKit

/// Seals secrets for the disk: ChaCha20-Poly1305, a fresh nonce each time, bound to what the secret belongs to.
///
/// What is sealed names its key, so that keys can be rotated: the first of the keys seals, all of them open.
package struct Sealer: Sendable {
    /// Marks what was sealed with a key's id before it; what older versions wrote has neither.
    private static let mark = Data("SPV2".utf8)

    private struct Key {
        /// The first bytes of a digest of the key: they tell keys apart and nothing else.
        let id: Data
        let symmetric: SymmetricKey

        init(_ symmetric: SymmetricKey) {
            self.symmetric = symmetric
            var hash = SHA256()
            hash.update(data: Data("spreader-pipeline vault key".utf8))
            symmetric.withUnsafeBytes { hash.update(bufferPointer: $0) }
            id = Data(hash.finalize().prefix(8))
        }
    }

    private let keys: [Key]
    private let first: Key
    /// Where keys are that were added after this one was made.
    private let file: VaultKeyFile?

    /// A sealer with a key of 32 bytes.
    package init(key: SymmetricKey) { self.init(key: key, older: []) }

    /// A sealer whose `key` seals, and that opens what the `older` ones sealed too.
    package init(key: SymmetricKey, older: [SymmetricKey]) { self.init(key: key, older: older, file: nil) }

    private init(key: SymmetricKey, older: [SymmetricKey], file: VaultKeyFile?) {
        self.file = file
        first = Key(key)
        keys = [first] + older.map(Key.init)
    }

    /// Names the key that seals, in hex; tells nothing of it.
    package var keyID: String { ContentDigest.hex(first.id) }

    /// A key for another purpose; it tells nothing of the vault's, and changes with it.
    package func derivedKey(_ purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: first.symmetric, info: Data(purpose.utf8), outputByteCount: 32)
    }

    /// Seals `secret` so that it opens only with the same context.
    /// - Parameter context: What it belongs to, such as `post:ID`; authenticated, not hidden.
    /// - Throws: `StoreError` when the library refuses.
    package func seal(_ secret: Secret, context: String) throws(StoreError) -> Data {
        do {
            let box = try ChaChaPoly.seal(
                Data(secret.reveal().utf8), using: first.symmetric, authenticating: Data(context.utf8))
            return Self.mark + first.id + box.combined
        } catch {
            throw StoreError(.failed, "sealing a secret failed")
        }
    }

    /// Opens what ``seal(_:context:)`` gave.
    /// - Throws: `StoreError` when no key fits, the context is another one, or the data was changed.
    package func open(_ sealed: Data, context: String) throws(StoreError) -> Secret {
        let head = Self.mark.count + first.id.count
        if sealed.count > head, sealed.starts(with: Self.mark) {
            let id = sealed.dropFirst(Self.mark.count).prefix(first.id.count)
            if let key = keys.first(where: { $0.id == id }),
                let secret = Self.open(Data(sealed.dropFirst(head)), key, context)
            {
                return secret
            }
        }
        // Another program may have rotated the keys since this one started.
        let added = (try? file?.load()).flatMap { $0 }.map { [$0.newest] + $0.older } ?? []
        for key in keys + added.map(Key.init) {
            if let secret = Self.open(sealed, key, context) { return secret }
        }
        throw StoreError(
            .unreadable, "a secret in the database can't be opened with this vault key",
            hint: "use the SPREADER_VAULT_KEY (or vault.key file) that it was written with")
    }

    private static func open(_ sealed: Data, _ key: Key, _ context: String) -> Secret? {
        guard let box = try? ChaChaPoly.SealedBox(combined: sealed),
            let clear = try? ChaChaPoly.open(box, using: key.symmetric, authenticating: Data(context.utf8))
        else { return nil }
        return Secret(String(decoding: clear, as: UTF8.self))
    }
}

extension Sealer {
    /// The sealer of this machine: keys from `SPREADER_VAULT_KEY`, else from a file with mode 0600 that is made when
    /// missing.
    /// - Parameters:
    ///   - setting: 32 bytes in base64, when given; older keys after it, parted by commas.
    ///   - file: Where the key file is.
    /// - Throws: `StoreError` when a key has the wrong form, or others may read the file.
    package static func resolve(setting: Secret?, file: URL) throws(StoreError) -> Sealer {
        if let setting {
            guard let keys = VaultKeyFile.keys(in: setting.reveal(), separator: ",") else {
                throw StoreError(
                    .badKey, "SPREADER_VAULT_KEY is not 32 bytes in base64",
                    hint: "make one with: head -c 32 /dev/urandom | base64")
            }
            return Sealer(keys)
        }
        let keyFile = VaultKeyFile(url: file)
        return Sealer(try keyFile.loadOrCreate(), file: keyFile)
    }

    /// A sealer with at least one key, the newest first.
    init(_ keys: VaultKeyFile.Keys, file: VaultKeyFile? = nil) {
        self.init(key: keys.newest, older: keys.older, file: file)
    }
}
