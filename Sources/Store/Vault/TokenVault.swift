import Crypto
package import Foundation
import GRDB
package import PipelineKit

/// The tokens of one account.
package struct TokenSet: Sendable, Hashable {
    /// The bearer token.
    package var accessToken: Secret
    /// What renews it.
    package var refreshToken: Secret?
    /// When the access token ends; nil when unknown.
    package var expiresAt: Date?
    /// Permissions; nil when unknown.
    package var scopes: [String]?

    /// Tokens.
    package init(accessToken: Secret, refreshToken: Secret?, expiresAt: Date? = nil, scopes: [String]? = nil) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.expiresAt = expiresAt
        self.scopes = scopes
    }
}

/// Encrypted tokens in SQLite.
///
/// Tokens given by the environment seed the vault. Once the service has rotated them, the stored pair wins for as
/// long as the environment still names the pair that it came from.
package struct TokenVault: Sendable {
    private let durable: DatabaseQueue
    private let sealer: Sealer

    /// The vault of `store`.
    package init(_ store: SQLiteStore, sealer: Sealer) {
        durable = store.durable
        self.sealer = sealer
    }

    /// The tokens to use for `account` when the environment gives `seed`.
    /// - Throws: `StageError` when the vault can't be read.
    package func tokens(for account: String, seed: TokenSet?) async throws(StageError) -> TokenSet? {
        let stored = try await StoreError.bridge("reading the vault failed") {
            try await durable.read { database -> (seed: String, sealed: Data)? in
                try Row.fetchOne(
                    database, sql: "SELECT seed, sealed FROM tokens WHERE account = ?", arguments: [account]
                )
                .map { ($0["seed"], $0["sealed"]) }
            }
        }
        guard let stored else { return seed }
        if let seed, stored.seed != Self.fingerprint(seed) { return seed }
        do {
            return try open(stored.sealed, account)
        } catch let error as StoreError {
            throw error.asStageError
        } catch {
            throw StageError(.configuration, "the vault holds tokens of \(account) that can't be read: \(error)")
        }
    }

    /// Stores tokens that the service gave in exchange for older ones; on disk when the call returns.
    /// - Parameter seed: What the environment named at the start of the chain, nil when nothing did.
    /// - Throws: `StageError` when the vault can't be written.
    package func store(_ tokens: TokenSet, for account: String, seed: TokenSet?, at date: Date) async throws(StageError)
    {
        let mark = seed.map(Self.fingerprint) ?? ""
        try await StoreError.bridge("writing the vault failed") {
            let form = StoredForm(
                access: tokens.accessToken.reveal(), refresh: tokens.refreshToken?.reveal(),
                expires: tokens.expiresAt?.timeIntervalSince1970, scopes: tokens.scopes)
            let text = String(decoding: try JSONEncoder().encode(form), as: UTF8.self)
            let sealed = try sealer.seal(Secret(text), context: "account:\(account)")
            try await durable.write { database in
                try database.execute(
                    sql: "INSERT OR REPLACE INTO tokens (account, seed, sealed, updatedAt) VALUES (?, ?, ?, ?)",
                    arguments: [account, mark, sealed, date.timeIntervalSince1970])
            }
        }
    }

    private struct StoredForm: Codable {
        var access: String
        var refresh: String?
        var expires: Double?
        var scopes: [String]?
    }

    private func open(_ sealed: Data, _ account: String) throws -> TokenSet {
        let text = try sealer.open(sealed, context: "account:\(account)").reveal()
        let form = try JSONDecoder().decode(StoredForm.self, from: Data(text.utf8))
        return TokenSet(
            accessToken: Secret(form.access), refreshToken: form.refresh.map { Secret($0) },
            expiresAt: form.expires.map(Date.init(timeIntervalSince1970:)), scopes: form.scopes)
    }

    private static func fingerprint(_ tokens: TokenSet) -> String {
        let text = tokens.accessToken.reveal() + "\n" + (tokens.refreshToken?.reveal() ?? "")
        return SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}
