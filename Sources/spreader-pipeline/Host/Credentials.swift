import Foundation
import PipelineKit
import PipelineRunner
import Store
import TikTok

/// Tokens from settings and vault: the environment seeds the vault, and once TikTok has rotated the pair, the stored
/// one wins while the environment still names the old one.
struct VaultCredentials: CredentialProvider {
    let settings: Settings
    let vault: TokenVault?
    let locks: URL
    let clock: HostClock

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

    func problem(with account: String) -> Diagnostic? {
        for name in ["TIKTOK_ACCESS_TOKEN", "TIKTOK_REFRESH_TOKEN"] {
            guard let token = settings[name] else { continue }
            // It travels in a header line.
            if !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
                return Diagnostic(
                    code: "bad-credential", "\(name) has characters that a token can't have",
                    hint: "copy it again, without spaces or line breaks", subject: .authorisation)
            }
        }
        guard seed == nil else { return nil }
        return Diagnostic(
            code: "missing-credential", "there is no TikTok token for account \"\(account)\"",
            hint: "set TIKTOK_ACCESS_TOKEN in the environment or .env, or try without an account: --sandbox",
            subject: .authorisation)
    }

    func credentials(for account: String) async throws(StageError) -> Credentials {
        guard let tokens = try await stored(account) else { throw missing(account) }
        if tokens.accessToken.reveal().isEmpty { return try await renewed(for: account, after: tokens.accessToken) }
        return Credentials(accessToken: tokens.accessToken, scopes: tokens.scopes, expiresAt: tokens.expiresAt)
    }

    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        let lock = try await RefreshLock.acquire(locks.appending(path: "refresh-\(account)"), clock: clock)
        defer { withExtendedLifetime(lock) {} }
        guard let tokens = try await stored(account) else { throw missing(account) }
        // Another task or process may have renewed them while this one waited.
        if tokens.accessToken != rejected {
            return Credentials(accessToken: tokens.accessToken, scopes: tokens.scopes, expiresAt: tokens.expiresAt)
        }
        guard let refresh = tokens.refreshToken, let key = settings["TIKTOK_CLIENT_KEY"],
            let secret = settings.secret("TIKTOK_CLIENT_SECRET"), let vault
        else {
            throw StageError(
                .notAuthorised, "TikTok refused the access token of account \"\(account)\", and it can't be renewed",
                hint:
                    "set TIKTOK_REFRESH_TOKEN, TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET, or a fresh TIKTOK_ACCESS_TOKEN"
            )
        }
        let answer = try await renew(refresh, key, secret)
        let renewed = TokenSet(
            accessToken: answer.accessToken, refreshToken: answer.refreshToken, expiresAt: answer.expiresAt,
            scopes: answer.scopes)
        // On disk before it is used: with strict rotation the old pair is already dead.
        try await vault.store(renewed, for: settings.accountIdentity(account), seed: seed, at: clock.now())
        return Credentials(accessToken: renewed.accessToken, scopes: renewed.scopes, expiresAt: renewed.expiresAt)
    }

    private func renew(_ token: Secret, _ key: String, _ secret: Secret) async throws(StageError) -> OAuthTokens {
        let configuration = try TikTokConfiguration(settings: settings.plain)
        return try await HTTPTransport.with(configuration) { (transport) throws(StageError) in
            let client = OAuthClient(
                configuration, transport: transport, clientKey: key, clientSecret: secret, now: clock.now)
            do throws(APIFailure) {
                return try await client.refresh(token)
            } catch {
                if case .refused(let refusal) = error { throw StageError(tiktokLogin: refusal) }
                throw StageError(tiktok: error)
            }
        }
    }

    private func stored(_ account: String) async throws(StageError) -> TokenSet? {
        guard let vault else { return seed }
        return try await vault.tokens(for: settings.accountIdentity(account), seed: seed)
    }

    private func missing(_ account: String) -> StageError {
        let problem = problem(with: account)
        return StageError(.notAuthorised, problem?.message ?? "no token", hint: problem?.hint)
    }
}

/// Waits for the refresh lock of an account: two refreshes with one token could end the session.
enum RefreshLock {
    static func acquire(_ path: URL, clock: HostClock) async throws(StageError) -> FileLock {
        for _ in 0..<600 {
            let lock: FileLock?
            do {
                lock = try FileLock.attempt(path.path)
            } catch {
                throw StageError(.configuration, "can't make the lock file \(path.path): \(error)")
            }
            if let lock { return lock }
            do {
                try await clock.sleep(.milliseconds(100))
            } catch {
                throw .cancelled
            }
        }
        throw StageError(.limited, "another process has been renewing the token for a minute", hint: "try again")
    }
}
