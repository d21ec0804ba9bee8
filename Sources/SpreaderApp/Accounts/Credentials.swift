import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
package import Posting
import StageHosting
package import Store
import TikTok

/// Tokens from the settings and the vault.
///
/// The environment seeds the vault. Once TikTok has rotated the token pair, the stored pair wins as long as the environment
/// still has the old one. An account connected by a login needs no environment; unless it is `default`, its login wins over
/// the environment, whose tokens name no account.
package struct VaultCredentials: CredentialProvider {
    /// The account of a pipeline without `account`.
    package static let usualAccount = "default"
    /// Renew a token before use if it expires within this time, in seconds.
    private static let margin: TimeInterval = 300

    let settings: Settings
    let vault: TokenVault?
    let locks: SharedLocks
    let clock: HostClock
    /// The accounts in the vault when this value was created, by identity.
    var known: [String: AccountRecord] = [:]

    /// Credentials for checks: with the vault if there is one, else from the settings alone.
    package static func forChecks(_ settings: Settings, _ records: HostAssembly?) async -> VaultCredentials {
        if let stored = try? await records?.credentials() { return stored }
        return VaultCredentials(
            settings: settings, vault: nil, locks: SharedLocks(folder: settings.home), clock: .system)
    }

    private var seed: TokenSet? {
        guard let access = settings.secret("TIKTOK_ACCESS_TOKEN") else {
            return settings.secret("TIKTOK_REFRESH_TOKEN").map {
                TokenSet(accessToken: Secret(""), refreshToken: $0)
            }
        }
        return TokenSet(
            accessToken: access, refreshToken: settings.secret("TIKTOK_REFRESH_TOKEN"),
            scopes: nil)
    }

    package func problem(with account: String) -> Diagnostic? {
        for name in ["TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN"] where ownSeed(account) != nil {
            guard let token = settings[name] else { continue }
            // Tokens are sent in HTTP headers, which allow only printable ASCII.
            if !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                return Diagnostic(
                    code: "bad-credential", "\(name) has characters that are invalid in a token",
                    hint: "copy it again, without spaces or line breaks", subject: .authorisation)
            }
        }
        guard ownSeed(account) == nil else { return nil }
        let login = "connect it with `spreader-pipeline auth login\(Self.flag(account))`"
        guard let record = known[settings.accountID(account).identity] else {
            return Diagnostic(
                code: "missing-credential", "there is no TikTok token for account \"\(account)\"",
                hint:
                    "\(login), set TIKTOK_ACCESS_TOKEN in the environment or .env, or try without an account: --sandbox",
                subject: .authorisation)
        }
        if let reason = record.endedBecause {
            return Diagnostic(
                code: "connection-ended", "account \"\(account)\" is no longer connected: \(reason)", hint: login,
                subject: .authorisation)
        }
        if let end = record.canRenew ? record.refreshExpiresAt : record.expiresAt, end <= clock.now() {
            return Diagnostic(
                code: "login-expired",
                "the login of account \"\(account)\" expired on \(end.formatted(.iso8601.year().month().day()))",
                hint: login, subject: .authorisation)
        }
        return nil
    }

    package func credentials(for account: String) async throws(StageError) -> Credentials {
        guard let tokens = try await stored(account) else { throw missing(account) }
        if tokens.accessToken.reveal().isEmpty {
            guard tokens.refreshToken != nil else { throw missing(account) }
            return try await renewed(for: account, after: tokens.accessToken)
        }
        // Best effort: the time is only shown by `auth status`.
        try? await vault?.touch(settings.accountID(account), at: clock.now())
        if let end = tokens.expiresAt, end.timeIntervalSince(clock.now()) < Self.margin, canRenew(tokens) {
            do throws(StageError) {
                return try await renewed(for: account, after: tokens.accessToken)
            } catch {
                // Use the old token until it expires if the service does not answer right now.
                guard error.outcome == .unavailable, end > clock.now() else { throw error }
            }
        }
        return Credentials(accessToken: tokens.accessToken, scopes: tokens.scopes, expiresAt: tokens.expiresAt)
    }

    /// The account's stored tokens, neither renewed nor checked.
    /// - Throws: `StageError` with code `not-authorised` if there are none.
    package func tokens(for account: String) async throws(StageError) -> TokenSet {
        guard let tokens = try await stored(account) else { throw missing(account) }
        return tokens
    }

    package func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        try await withLock(for: account) { () async throws(StageError) in
            try await renewedLocked(for: account, after: rejected)
        }
    }

    private func renewedLocked(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        guard let tokens = try await stored(account) else { throw missing(account) }
        // Another task or process may have renewed them while this one waited for the lock.
        if tokens.accessToken != rejected {
            return Credentials(accessToken: tokens.accessToken, scopes: tokens.scopes, expiresAt: tokens.expiresAt)
        }
        guard let refresh = tokens.refreshToken, let key = settings["TIKTOK_CLIENT_KEY"],
            let secret = settings.secret("TIKTOK_CLIENT_SECRET"), let vault
        else {
            throw StageError(
                .notAuthorised, "TikTok refused the access token of account \"\(account)\", and it can't be renewed",
                hint:
                    "renewing needs TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET and a refresh token; or log in again: spreader-pipeline auth login\(Self.flag(account))"
            )
        }
        // Store the new pair before using it, even if this task is cancelled: with token rotation the old pair is already
        // invalid.
        let (id, seed, clock, settings) = (settings.accountID(account), ownSeed(account), clock, settings)
        let renewed = try await withCancellationShield { () async throws(StageError) -> TokenSet in
            let renewed = TokenSet(try await Self.renew(refresh, key, secret, settings, now: clock.now))
            // The old pair is invalid and only this process has the new one, so wait for a database that is down.
            for attempt in 1... {
                do throws(StageError) {
                    try await vault.store(renewed, for: id, seed: seed, replacing: refresh, at: clock.now())
                    break
                } catch {
                    guard error.code == .unavailable, attempt < 10 else { throw error }
                    try? await clock.sleep(.seconds(attempt))
                }
            }
            // If two processes renewed it at once, both use the pair that was stored first.
            return try await vault.tokens(for: id, seed: seed) ?? renewed
        }
        return Credentials(accessToken: renewed.accessToken, scopes: renewed.scopes, expiresAt: renewed.expiresAt)
    }

    /// Calls `body` with the account's token lock, which excludes all other processes: two refreshes with the same token
    /// could end the session.
    /// - Throws: `StageError` with code `limited` if another process holds the lock for a minute; what `body` throws.
    func withLock<Value>(
        for account: String, _ body: () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        for _ in 0..<600 {
            if let lock = try await locks.attempt("refresh-\(lockName(account))") { return try await lock.during(body) }
            do {
                try await clock.sleep(.milliseconds(100))
            } catch {
                throw .cancelled
            }
        }
        throw StageError(.limited, "another process has been renewing the token for a minute", hint: "try again")
    }

    /// Requests new tokens from TikTok. The caller holds the account's lock.
    static func renew(
        _ token: Secret, _ key: String, _ secret: Secret, _ settings: Settings, now: @escaping @Sendable () -> Date
    ) async throws(StageError) -> OAuthTokens {
        let configuration = try TikTokConfiguration(settings: settings.plain)
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            let client = OAuthClient(
                configuration, transport: transport, clientKey: key, clientSecret: secret, now: now)
            do throws(APIFailure) {
                return try await client.refresh(token)
            } catch {
                if case .refused(let refusal) = error { throw StageError(tiktokLogin: refusal) }
                throw StageError(tiktok: error)
            }
        }
    }

    /// ` --account NAME` for hints, or an empty string for the default account.
    static func flag(_ account: String) -> String {
        account == usualAccount ? "" : " --account \(ShellWord.of(account))"
    }

    private func canRenew(_ tokens: TokenSet) -> Bool {
        tokens.refreshToken != nil && settings["TIKTOK_CLIENT_KEY"] != nil && settings["TIKTOK_CLIENT_SECRET"] != nil
    }

    /// A hash, because an account name may not be a valid file name.
    private func lockName(_ account: String) -> String {
        String(ContentDigest.sha256(settings.accountID(account).identity).prefix(16))
    }

    /// The environment's tokens, or nil if the account has a login of its own that wins.
    private func ownSeed(_ account: String) -> TokenSet? {
        let isLoggedIn = known[settings.accountID(account).identity]?.connectedAt != nil
        return account != Self.usualAccount && isLoggedIn ? nil : seed
    }

    private func stored(_ account: String) async throws(StageError) -> TokenSet? {
        guard let vault else { return seed }
        return try await vault.tokens(for: settings.accountID(account), seed: ownSeed(account))
    }

    private func missing(_ account: String) -> StageError {
        let problem = problem(with: account)
        return StageError(.notAuthorised, problem?.message ?? "no token", hint: problem?.hint)
    }
}
