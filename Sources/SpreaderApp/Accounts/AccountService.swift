import Foundation
package import PipelineKit
package import Store
package import TikTok

/// Connects and disconnects accounts, for `auth` and for the login of `serve`.
package struct AccountService: Sendable {
    package let settings: Settings
    package let assembly: HostAssembly

    package init(settings: Settings, assembly: HostAssembly) {
        self.settings = settings
        self.assembly = assembly
    }

    /// The client key and secret of the TikTok app.
    /// - Throws: `StageError` with code `configuration` if one is missing.
    package func app() throws(StageError) -> (key: String, secret: Secret) {
        guard let key = settings["TIKTOK_CLIENT_KEY"], let secret = settings.secret("TIKTOK_CLIENT_SECRET") else {
            throw StageError(
                .configuration, "TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET are not set",
                hint: "copy both from your app in TikTok's developer portal into the environment or .env")
        }
        return (key, secret)
    }

    /// The scopes to request: `TIKTOK_SCOPE`, or all that the program can use.
    package var scopes: [String] {
        guard let text = settings["TIKTOK_SCOPE"] else { return LoginRequest.usualScopes }
        return text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// Exchanges the authorisation code of a login for tokens, and stores the account.
    /// - Returns: Lines to show to the user.
    /// - Throws: `StageError` if TikTok refuses the code or the vault can't be written.
    package func connect(
        _ name: String, _ request: LoginRequest, _ answer: LoginAnswer
    ) async throws(StageError) -> [String] {
        let secret = try app().secret
        let configuration = try TikTokConfiguration(settings: settings.plain)
        return try await withCancellationShield { () async throws(StageError) -> [String] in
            let account = try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
                try await AccountLogin(
                    configuration, transport: transport, clientSecret: secret, now: assembly.store.clock.now
                )
                .complete(request, with: answer)
            }
            return try await store(account, as: name)
        }
    }

    /// Imports tokens that were issued elsewhere, after asking TikTok for their owner.
    /// - Parameter isSeed: Whether the tokens come from the environment, which will probably keep them.
    /// - Returns: Lines to show to the user.
    /// - Throws: `StageError` if TikTok refuses the tokens or the vault can't be written.
    package func adopt(_ given: TokenSet, isSeed: Bool, as name: String) async throws(StageError) -> [String] {
        try await withCancellationShield { () async throws(StageError) -> [String] in
            try await assembly.credentials().withLock(for: name) { () async throws(StageError) in
                try await adoptLocked(given, isSeed: isSeed, as: name)
            }
        }
    }

    private func adoptLocked(
        _ given: TokenSet, isSeed: Bool, as name: String
    ) async throws(StageError) -> [String] {
        var tokens = given
        let configuration = try TikTokConfiguration(settings: settings.plain)
        let user: UserInfo?
        if tokens.accessToken.reveal().isEmpty {
            guard let refresh = tokens.refreshToken else {
                throw StageError(.notAuthorised, "neither an access token nor a refresh token was given")
            }
            let app = try app()
            let renewed = try await VaultCredentials.renew(
                refresh, app.key, app.secret, settings, now: assembly.store.clock.now)
            tokens = TokenSet(renewed)
            user = UserInfo(openID: renewed.openID)
        } else {
            let access = tokens.accessToken
            user = try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
                do throws(APIFailure) {
                    return try await TikTokClient(configuration, transport: transport).userInfo(token: access)
                } catch {
                    // A token without the user.info scope is still valid.
                    if case .refused(let refusal) = error, refusal.code != "access_token_invalid" { return nil }
                    throw StageError(tiktok: error)
                }
            }
        }
        let profile = user.map { AccountProfile(openID: $0.openID, displayName: $0.displayName, username: $0.username) }
        var lines = [try await keep(tokens, of: profile, seed: isSeed ? given : nil, as: name)]
        if tokens.refreshToken == nil {
            lines.append("There is no refresh token: import a new access token when this one expires.")
        }
        return lines
    }

    /// Revokes an account's tokens and deletes them.
    ///
    /// Keeps the name of an account with a login, so that no post under it falls back to the tokens of the environment,
    /// which may belong to another creator.
    /// - Parameters:
    ///   - isLocal: Whether to delete the tokens without revoking them at TikTok.
    ///   - forgetting: Whether to delete the name too.
    /// - Returns: A line to show to the user.
    /// - Throws: `StageError` if TikTok does not answer; then nothing is deleted.
    package func disconnect(_ name: String, isLocal: Bool, forgetting: Bool = false) async throws(StageError) -> String
    {
        try await assembly.credentials().withLock(for: name) { () async throws(StageError) in
            try await disconnectLocked(name, isLocal: isLocal, forgetting: forgetting)
        }
    }

    private func disconnectLocked(
        _ name: String, isLocal: Bool, forgetting: Bool
    ) async throws(StageError) -> String {
        let id = settings.accountID(name)
        guard let record = try await assembly.vault.account(id) else {
            throw StageError(
                .notAuthorised, "no account \"\(name)\" is connected", hint: "see: spreader-pipeline auth status")
        }
        var words = "account \"\(name)\" is disconnected"
        if !isLocal, record.endedBecause == nil {
            do throws(StageError) {
                try await revoke(name)
            } catch {
                guard error.outcome == .notAuthorised else {
                    throw StageError(
                        error.code, "the tokens of \"\(name)\" were not revoked: \(error.message)",
                        hint: "try again, or delete them only on this machine with --local", outcome: error.outcome)
                }
                words += "; TikTok had already ended the connection"
            }
        }
        if forgetting || name == VaultCredentials.usualAccount || record.connectedAt == nil {
            try await assembly.vault.disconnect(id)
        } else {
            try await assembly.vault.logOut(id, at: assembly.store.clock.now())
        }
        return words
    }

    private func revoke(_ name: String) async throws(StageError) {
        let app = try app()
        // Only the tokens of the login: those of the environment may belong to another creator.
        guard let tokens = try await assembly.vault.tokens(for: settings.accountID(name), seed: nil) else { return }
        var access = tokens.accessToken
        // TikTok can't revoke an expired token. Renew it first; revoking the new one ends the whole connection.
        if tokens.expiresAt ?? .distantFuture <= assembly.store.clock.now(), let refresh = tokens.refreshToken {
            access = try await VaultCredentials.renew(
                refresh, app.key, app.secret, settings, now: assembly.store.clock.now
            )
            .accessToken
        }
        let token = access
        let configuration = try TikTokConfiguration(settings: settings.plain)
        try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            let client = OAuthClient(
                configuration, transport: transport, clientKey: app.key, clientSecret: app.secret,
                now: assembly.store.clock.now)
            do throws(APIFailure) {
                try await client.revoke(accessToken: token)
            } catch {
                if case .refused(let refusal) = error { throw StageError(tiktokLogin: refusal) }
                throw StageError(tiktok: error)
            }
        }
    }

    /// Stores an account's tokens. The caller holds the account's lock.
    private func keep(
        _ tokens: TokenSet, of profile: AccountProfile?, seed: TokenSet?, as name: String
    ) async throws(StageError) -> String {
        try await checkOwner(profile, of: name)
        try await assembly.vault.connect(
            settings.accountID(name), tokens, profile: profile, seed: seed, at: assembly.store.clock.now())
        return "Account \"\(name)\" is connected\(profile?.words.map { " as \($0)" } ?? "")."
    }

    /// Refuses to give an account name to another creator, whose posts would be mixed up with the old ones.
    private func checkOwner(_ profile: AccountProfile?, of name: String) async throws(StageError) {
        guard let new = profile?.openID, let old = try await assembly.vault.account(settings.accountID(name))?.profile,
            !new.isEmpty, !old.openID.isEmpty, new != old.openID
        else { return }
        throw StageError(
            .notAuthorised,
            "account \"\(name)\" belongs to another TikTok user\(old.words.map { ", \($0)" } ?? ""); nothing was changed",
            hint:
                "use another name with --account, or disconnect the old account first: spreader-pipeline auth logout\(VaultCredentials.flag(name))"
        )
    }

    private func store(_ account: ConnectedAccount, as name: String) async throws(StageError) -> [String] {
        let profile = AccountProfile(
            openID: account.user?.openID ?? account.tokens.openID, displayName: account.user?.displayName,
            username: account.user?.username)
        var lines = [
            try await assembly.credentials().withLock(for: name) { () async throws(StageError) in
                try await keep(TokenSet(account.tokens), of: profile, seed: nil, as: name)
            }
        ]
        lines += account.scopes.consequences.map { "Note: \($0)." }
        if !account.scopes.missing.isEmpty {
            lines.append("To change that, log in again and grant every permission.")
        }
        return lines
    }
}

extension TokenSet {
    init(_ tokens: OAuthTokens) {
        self.init(
            accessToken: tokens.accessToken, refreshToken: tokens.refreshToken, expiresAt: tokens.expiresAt,
            refreshExpiresAt: tokens.refreshExpiresAt, scopes: tokens.scopes)
    }
}

extension AccountProfile {
    /// The owner as shown to the user, such as "Name (@handle)"; nil if unknown.
    package var words: String? {
        switch (displayName, username) {
        case (let name?, let handle?): "\(name) (@\(handle))"
        case (let name?, nil): name
        case (nil, let handle?): "@\(handle)"
        case (nil, nil): nil
        }
    }
}
