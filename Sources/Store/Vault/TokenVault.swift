package import Foundation
package import PipelineKit

/// The tokens of one account.
package struct TokenSet: Sendable, Hashable {
    package var accessToken: Secret
    /// The refresh token; nil when the access token can't be renewed.
    package var refreshToken: Secret?
    /// When the access token expires; nil when unknown.
    package var expiresAt: Date?
    /// When the refresh token expires; nil when unknown.
    package var refreshExpiresAt: Date?
    /// The granted permissions; nil when unknown.
    package var scopes: [String]?

    package init(
        accessToken: Secret, refreshToken: Secret?, expiresAt: Date? = nil, refreshExpiresAt: Date? = nil,
        scopes: [String]? = nil
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.expiresAt = expiresAt
        self.refreshExpiresAt = refreshExpiresAt
        self.scopes = scopes
    }
}

/// The accounts' tokens, encrypted.
///
/// Tokens from the environment seed the vault. After the service has rotated them, the stored tokens are used as long
/// as the environment still contains the seed. An account that was connected by a login has no seed; its stored tokens
/// are used unless the environment contains tokens.
package struct TokenVault: Sendable {
    let durable: any SQLDatabase
    let sealer: Sealer

    package init(_ store: RecordStore, sealer: Sealer) {
        durable = store.durable
        self.sealer = sealer
    }

    /// Returns the tokens to use for `account` when the environment contains `seed`; nil when there are none.
    /// - Throws: `StageError` when the vault can't be read.
    package func tokens(for account: AccountID, seed: TokenSet?) async throws(StageError) -> TokenSet? {
        let stored = try await StoreError.bridge("reading the vault failed") {
            try await durable.read { connection -> (seed: String, sealed: Data)? in
                try connection.query("SELECT seed, sealed FROM tokens WHERE account = ?", [account.identity])
                    .first.map { (try $0.get("seed"), try $0.get("sealed")) }
            }
        }
        guard let stored else { return seed }
        if let seed, stored.seed != Self.fingerprint(seed) { return seed }
        do {
            return try open(stored.sealed, account.identity)
        } catch let error as StoreError {
            throw error.asStageError
        } catch {
            throw StageError(.configuration, "can't read the tokens of \(account.name) in the vault: \(error)")
        }
    }

    /// Stores renewed tokens; they are on disk when the call returns.
    /// - Parameters:
    ///   - seed: The tokens from the environment that the renewals started with; nil without any.
    ///   - old: The refresh token that was exchanged. If the vault has another one by now, another process has already
    ///     renewed the tokens, and nothing is stored.
    /// - Throws: `StageError` when the vault can't be written.
    package func store(
        _ tokens: TokenSet, for account: AccountID, seed: TokenSet?, replacing old: Secret? = nil, at date: Date
    ) async throws(StageError) {
        try await write(
            StoredAccount(id: account, tokens: tokens, seed: seed.map(Self.fingerprint) ?? "", updatedAt: date),
            replacing: old)
    }

    /// Connects an account: stores its first tokens and its profile, and replaces those that it had.
    /// - Parameter seed: The tokens from the environment, if `tokens` come from there; nil for a login.
    /// - Throws: `StageError` when the vault can't be written.
    package func connect(
        _ account: AccountID, _ tokens: TokenSet, profile: AccountProfile?, seed: TokenSet? = nil, at date: Date
    ) async throws(StageError) {
        var row = StoredAccount(
            id: account, tokens: tokens, seed: seed.map(Self.fingerprint) ?? "", updatedAt: date)
        row.profile = profile
        row.connectedAt = date
        try await write(row)
    }

    /// What a login or a renewal stores of an account.
    private struct StoredAccount: Sendable {
        var id: AccountID
        var tokens: TokenSet
        /// The fingerprint of the tokens from the environment that the renewals started with; empty without any.
        var seed: String
        var updatedAt: Date
        /// The owner; nil to keep the stored one, unless `connectedAt` is set.
        var profile: AccountProfile?
        /// When a login connected the account; nil for renewed tokens.
        var connectedAt: Date?
    }

    private func write(_ account: StoredAccount, replacing old: Secret? = nil) async throws(StageError) {
        try await StoreError.bridge("writing the vault failed") {
            let (id, tokens) = (account.id, account.tokens)
            let sealed = try seal(tokens, id.identity)
            let sealedProfile = try account.profile.map { try seal($0, id.identity) }
            try await durable.write { connection in
                if let old, try isRenewed(account, since: old, connection) { return 0 }
                // Renewed tokens keep the profile and the time of connection; a login replaces both.
                return try connection.execute(
                    """
                    INSERT INTO tokens (account, name, service, seed, sealed, profile, scopes, expiresAt,
                        refreshExpiresAt, connectedAt, updatedAt)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (account) DO UPDATE SET
                        seed = excluded.seed, sealed = excluded.sealed, scopes = excluded.scopes,
                        expiresAt = excluded.expiresAt, name = excluded.name, service = excluded.service,
                        refreshExpiresAt = CASE WHEN excluded.connectedAt IS NULL
                            THEN coalesce(excluded.refreshExpiresAt, tokens.refreshExpiresAt)
                            ELSE excluded.refreshExpiresAt END,
                        profile = CASE WHEN excluded.connectedAt IS NULL THEN tokens.profile ELSE excluded.profile END,
                        connectedAt = coalesce(excluded.connectedAt, tokens.connectedAt),
                        updatedAt = excluded.updatedAt, endedBecause = NULL
                    """,
                    [
                        id.identity, id.name, id.service, account.seed, sealed, sealedProfile,
                        tokens.scopes?.joined(separator: ","), tokens.expiresAt, tokens.refreshExpiresAt,
                        account.connectedAt, account.updatedAt,
                    ])
            }
        }
    }

    /// Whether another process has already exchanged the refresh token `old`. Locks the account's row.
    ///
    /// With another seed, the stored tokens come from other renewals and may be replaced.
    private func isRenewed(
        _ account: StoredAccount, since old: Secret, _ connection: any SQLConnection
    ) throws -> Bool {
        let row = try connection.query(
            "SELECT seed, sealed FROM tokens WHERE account = ? \(connection.dialect.locking)", [account.id.identity]
        ).first
        guard let row, try row.get("seed", as: String.self) == account.seed else { return false }
        return try open(try row.get("sealed"), account.id.identity).refreshToken != old
    }

    private struct StoredForm: Codable {
        var access: String
        var refresh: String?
        var expires: Double?
        var refreshExpires: Double?
        var scopes: [String]?
    }

    private func seal(_ tokens: TokenSet, _ identity: String) throws -> Data {
        let form = StoredForm(
            access: tokens.accessToken.reveal(), refresh: tokens.refreshToken?.reveal(),
            expires: tokens.expiresAt?.timeIntervalSince1970,
            refreshExpires: tokens.refreshExpiresAt?.timeIntervalSince1970, scopes: tokens.scopes)
        return try sealer.seal(Secret(try JSONText.encode(form)), context: Self.tokenContext(identity))
    }

    func open(_ sealed: Data, _ identity: String) throws -> TokenSet {
        let text = try sealer.open(sealed, context: Self.tokenContext(identity)).reveal()
        let form = try JSONText.decode(text, as: StoredForm.self)
        return TokenSet(
            accessToken: Secret(form.access), refreshToken: form.refresh.map { Secret($0) },
            expiresAt: form.expires.map(Date.init(timeIntervalSince1970:)),
            refreshExpiresAt: form.refreshExpires.map(Date.init(timeIntervalSince1970:)), scopes: form.scopes)
    }

    private func seal(_ profile: AccountProfile, _ identity: String) throws -> Data {
        try sealer.seal(Secret(try JSONText.encode(profile)), context: Self.profileContext(identity))
    }

    /// The sealer's context for tokens.
    static func tokenContext(_ identity: String) -> String { "account:\(identity)" }
    /// The sealer's context for a profile.
    static func profileContext(_ identity: String) -> String { "profile:\(identity)" }

    private static func fingerprint(_ tokens: TokenSet) -> String {
        let text = tokens.accessToken.reveal() + "\n" + (tokens.refreshToken?.reveal() ?? "")
        return ContentDigest.sha256(text)
    }
}
