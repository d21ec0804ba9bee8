package import Foundation
package import PipelineKit

extension TokenVault {
    /// Returns the accounts in the vault, sorted by name.
    /// - Throws: `StageError` when the vault can't be read.
    package func accounts() async throws(StageError) -> [AccountRecord] {
        try await StoreError.bridge("reading the vault failed") {
            try await durable.read { try $0.query("SELECT * FROM tokens ORDER BY name, service, account").map(record) }
        }
    }

    /// Returns one account; nil when it is not in the vault.
    /// - Throws: `StageError` when the vault can't be read.
    package func account(_ id: AccountID) async throws(StageError) -> AccountRecord? {
        try await StoreError.bridge("reading the vault failed") {
            try await durable.read {
                try $0.query("SELECT * FROM tokens WHERE account = ?", [id.identity]).first.map(record)
            }
        }
    }

    /// Records when the tokens of an account were used.
    /// - Throws: `StageError` when the vault can't be written.
    package func touch(_ id: AccountID, at date: Date) async throws(StageError) {
        try await change("UPDATE tokens SET usedAt = ? WHERE account = ?", [date, id.identity])
    }

    /// Deletes the tokens of an account and the profile of its owner; the account's name stays.
    /// - Throws: `StageError` when the vault can't be written.
    package func logOut(_ id: AccountID, at date: Date) async throws(StageError) {
        let day = date.formatted(.iso8601.year().month().day())
        try await end(id, because: "it was logged out on \(day)", at: date)
        try await change("UPDATE tokens SET profile = NULL, scopes = NULL WHERE account = ?", [id.identity])
    }

    /// Records that the service ended the connection of an account, and deletes its tokens; its name stays.
    /// - Throws: `StageError` when the vault can't be written.
    package func end(_ id: AccountID, because reason: String, at date: Date) async throws(StageError) {
        let emptyTokens = try await StoreError.bridge("writing the vault failed") {
            try sealer.seal(Secret(#"{"access":""}"#), context: Self.tokenContext(id.identity))
        }
        try await change(
            """
            UPDATE tokens SET sealed = ?, expiresAt = NULL, refreshExpiresAt = NULL, endedBecause = ?, updatedAt = ?
            WHERE account = ?
            """, [emptyTokens, reason, date, id.identity])
    }

    /// Deletes an account with its tokens and profile.
    /// - Returns: Whether the account was in the vault.
    /// - Throws: `StageError` when the vault can't be written.
    @discardableResult
    package func disconnect(_ id: AccountID) async throws(StageError) -> Bool {
        try await change("DELETE FROM tokens WHERE account = ?", [id.identity]) > 0
    }

    /// Encrypts all secrets again with the sealer's first key, in one transaction.
    /// - Returns: The number of secrets.
    /// - Throws: `StageError` when a secret can't be decrypted; then nothing was changed.
    package func reseal() async throws(StageError) -> Int {
        try await StoreError.bridge("encrypting the vault again failed") {
            try await durable.write { [sealer] connection in
                let count = try Self.secrets.reduce(0) { try $0 + $1.reseal(with: sealer, connection) }
                if connection.dialect == .postgresql { _ = try Self.probe.reseal(with: sealer, connection) }
                return count
            }
        }
    }

    private static let secrets = [
        SealedColumn(table: "tokens", key: "account", column: "sealed", context: tokenContext),
        SealedColumn(table: "tokens", key: "account", column: "profile", context: profileContext),
        SealedColumn(table: "posts", key: "id", column: "uploadURL", context: PostRows.context),
    ]
    private static let probe = SealedColumn(table: "vaultProbe", key: "id", column: "probe") { "probe:\($0)" }

    @discardableResult
    private func change(_ sql: String, _ arguments: [any SQLConvertible]) async throws(StageError) -> Int {
        try await StoreError.bridge("writing the vault failed") {
            try await durable.write { try $0.execute(sql, arguments) }
        }
    }

    private func record(_ row: SQLRow) throws -> AccountRecord {
        let identity: String = try row.get("account")
        let profile: AccountProfile? = try row.get("profile", as: Data?.self).map { sealed in
            let text = try sealer.open(sealed, context: Self.profileContext(identity)).reveal()
            return try JSONText.decode(text, as: AccountProfile.self)
        }
        let tokens = try open(try row.get("sealed"), identity)
        let name: String = try row.get("name")
        return AccountRecord(
            // Rows of earlier versions contain the name only as part of the identity.
            id: AccountID(
                name: name.isEmpty ? String(identity.prefix { $0 != "@" }) : name, service: try row.get("service"),
                identity: identity),
            profile: profile,
            scopes: try row.get("scopes", as: String?.self)?.split(separator: ",").map(String.init) ?? tokens.scopes,
            expiresAt: try row.get("expiresAt", as: Date?.self) ?? tokens.expiresAt,
            refreshExpiresAt: try row.get("refreshExpiresAt"), canRenew: tokens.refreshToken != nil,
            connectedAt: try row.get("connectedAt"), updatedAt: try row.get("updatedAt"),
            usedAt: try row.get("usedAt"), endedBecause: try row.get("endedBecause"))
    }
}

/// A column of sealed secrets.
private struct SealedColumn: Sendable {
    let table: String
    /// The column that identifies a row.
    let key: String
    let column: String
    /// The sealer's context for the secret of a row.
    let context: @Sendable (_ key: String) -> String

    /// Encrypts the secrets again with the sealer's first key.
    /// - Returns: The number of secrets.
    func reseal(with sealer: Sealer, _ connection: any SQLConnection) throws -> Int {
        // Lock the rows: tokens that are renewed in the meantime must not be overwritten by older ones.
        let rows = try connection.query(
            "SELECT \(key), \(column) FROM \(table) WHERE \(column) IS NOT NULL \(connection.dialect.locking)")
        for row in rows {
            let id: String = try row.get(key)
            let secret = try sealer.open(try row.get(column), context: context(id))
            try connection.execute(
                "UPDATE \(table) SET \(column) = ? WHERE \(key) = ?",
                [try sealer.seal(secret, context: context(id)), id])
        }
        return rows.count
    }
}
