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
        let nothing = try await StoreError.bridge("writing the vault failed") {
            try sealer.seal(Secret(#"{"access":""}"#), context: Self.tokenContext(id.identity))
        }
        try await change(
            """
            UPDATE tokens SET sealed = ?, expiresAt = NULL, refreshExpiresAt = NULL, endedBecause = ?, updatedAt = ?
            WHERE account = ?
            """, [nothing, reason, date, id.identity])
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
    package func sealAnew() async throws(StageError) -> Int {
        try await StoreError.bridge("encrypting the vault again failed") {
            try await durable.write { [sealer] connection in
                var count = 0
                func again(_ table: String, _ key: String, _ column: String, _ context: (String) -> String) throws {
                    // Lock the rows: tokens that are renewed in the meantime must not be overwritten by older ones.
                    let rows = try connection.query(
                        """
                        SELECT \(key), \(column) FROM \(table) WHERE \(column) IS NOT NULL \(connection.dialect.locking)
                        """)
                    for row in rows {
                        let id: String = try row.get(key)
                        let secret = try sealer.open(try row.get(column), context: context(id))
                        try connection.execute(
                            "UPDATE \(table) SET \(column) = ? WHERE \(key) = ?",
                            [try sealer.seal(secret, context: context(id)), id])
                        count += 1
                    }
                }
                try again("tokens", "account", "sealed", Self.tokenContext)
                try again("tokens", "account", "profile", Self.profileContext)
                try again("posts", "id", "uploadURL") { "post:\($0)" }
                let secrets = count
                if connection.dialect == .postgresql { try again("vaultProbe", "id", "probe") { "probe:\($0)" } }
                return secrets
            }
        }
    }

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
            return try JSONDecoder().decode(AccountProfile.self, from: Data(text.utf8))
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
