import Foundation
import PipelineKit
import Store
import TikTok

/// Connects accounts and lets them go: what `auth` and the login of `serve` have in common.
struct AccountDesk: Sendable {
    let settings: Settings
    let assembly: HostAssembly

    /// The app's key and secret.
    /// - Throws: `StageError` with code `configuration` when one is missing.
    func app() throws(StageError) -> (key: String, secret: Secret) {
        guard let key = settings["TIKTOK_CLIENT_KEY"], let secret = settings.secret("TIKTOK_CLIENT_SECRET") else {
            throw StageError(
                .configuration, "TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET are not set",
                hint: "copy both from your app in TikTok's developer portal into the environment or .env")
        }
        return (key, secret)
    }

    /// The permissions to ask for: `TIKTOK_SCOPE`, else what the program can use.
    var scopes: [String] {
        guard let text = settings["TIKTOK_SCOPE"] else { return LoginRequest.usualScopes }
        return text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// Exchanges a login's answer and stores the account.
    /// - Returns: What a person should know.
    /// - Throws: `StageError` when TikTok refuses the answer, or the vault can't be written.
    func connect(
        _ name: String, _ request: LoginRequest, _ answer: LoginAnswer
    ) async throws(StageError) -> [String] {
        let secret = try app().secret
        let configuration = try TikTokConfiguration(settings: settings.plain)
        return try await Uncancelled.run { () async throws(StageError) -> [String] in
            let account = try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
                try await AccountLogin(
                    configuration, transport: transport, clientSecret: secret, now: assembly.store.clock.now
                )
                .complete(request, answer)
            }
            return try await store(account, as: name)
        }
    }

    /// Stores tokens that were made elsewhere, after asking TikTok whose they are.
    /// - Parameter isSeed: Whether the environment names them, and will go on doing so.
    /// - Returns: What a person should know.
    /// - Throws: `StageError` when TikTok refuses them, or the vault can't be written.
    func adopt(_ given: TokenSet, isSeed: Bool, as name: String) async throws(StageError) -> [String] {
        try await Uncancelled.run { () async throws(StageError) -> [String] in
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
                throw StageError(.notAuthorised, "there is neither an access token nor a refresh token to import")
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
                    return try await TikTokClient(configuration, transport: transport).userInfo(access)
                } catch {
                    // A token without that permission is a token all the same.
                    if case .refused(let refusal) = error, refusal.code != "access_token_invalid" { return nil }
                    throw StageError(tiktok: error)
                }
            }
        }
        let profile = user.map { AccountProfile(openID: $0.openID, displayName: $0.displayName, username: $0.username) }
        var lines = [try await keep(tokens, of: profile, seed: isSeed ? given : nil, as: name)]
        if tokens.refreshToken == nil {
            lines.append("There is no refresh token: when the access token ends, it has to be imported again.")
        }
        return lines
    }

    /// Revokes an account's tokens and deletes them.
    ///
    /// The name of an account that was logged in stays, so that nothing is posted under it with the environment's tokens,
    /// which may be another creator's.
    /// - Parameters:
    ///   - isLocal: Whether TikTok is left out of it.
    ///   - forgetting: Whether the name goes too.
    /// - Returns: What a person should know.
    /// - Throws: `StageError` when TikTok does not answer; then nothing is deleted.
    func disconnect(_ name: String, isLocal: Bool, forgetting: Bool = false) async throws(StageError) -> String {
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
                        hint: "try again, or delete them on this machine alone with --local", outcome: error.outcome)
                }
                words += "; TikTok had ended the connection already"
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
        // Those of the login alone: what the environment names may be another creator's.
        guard let tokens = try await assembly.vault.tokens(for: settings.accountID(name), seed: nil) else { return }
        var access = tokens.accessToken
        // A token that has ended can't be revoked; renewed, it ends the whole connection.
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

    /// Writes an account's tokens down; its lock is held.
    private func keep(
        _ tokens: TokenSet, of profile: AccountProfile?, seed: TokenSet?, as name: String
    ) async throws(StageError) -> String {
        try await checkOwner(profile, of: name)
        try await assembly.vault.connect(
            settings.accountID(name), tokens, profile: profile, seed: seed, at: assembly.store.clock.now())
        return "Account \"\(name)\" is connected\(profile?.words.map { " as \($0)" } ?? "")."
    }

    /// Refuses to give an account's name to another creator: its posts would count as theirs.
    private func checkOwner(_ profile: AccountProfile?, of name: String) async throws(StageError) {
        guard let new = profile?.openID, let old = try await assembly.vault.account(settings.accountID(name))?.profile,
            !new.isEmpty, !old.openID.isEmpty, new != old.openID
        else { return }
        throw StageError(
            .notAuthorised,
            "account \"\(name)\" belongs to another TikTok user\(old.words.map { ", \($0)" } ?? ""); nothing was changed",
            hint:
                "give this one a name of its own with --account, or let the other go first: spreader-pipeline auth logout\(VaultCredentials.flag(name))"
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
            lines.append("To change that, log in again and leave every permission ticked.")
        }
        return lines
    }
}

extension TokenSet {
    /// What the service gave.
    init(_ tokens: OAuthTokens) {
        self.init(
            accessToken: tokens.accessToken, refreshToken: tokens.refreshToken, expiresAt: tokens.expiresAt,
            refreshExpiresAt: tokens.refreshExpiresAt, scopes: tokens.scopes)
    }
}

extension AccountProfile {
    /// The owner as people know them; nil when that is not known.
    var words: String? {
        switch (displayName, username) {
        case (let name?, let handle?): "\(name) (@\(handle))"
        case (let name?, nil): name
        case (nil, let handle?): "@\(handle)"
        case (nil, nil): nil
        }
    }
}
