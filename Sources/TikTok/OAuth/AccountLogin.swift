package import Foundation
package import PipelineKit

/// The result of a login: an account that a creator has just connected.
package struct ConnectedAccount: Sendable {
    /// The account's tokens. Persist them before using them.
    package let tokens: OAuthTokens
    /// The user; nil if that permission was not granted or the call failed.
    package let user: UserInfo?
    /// The requested and the granted permissions.
    package let scopes: GrantedScopes
}

/// Completes a login after the consent page, both for a program on the user's machine and for a web app.
package struct AccountLogin: Sendable {
    private let configuration: TikTokConfiguration
    private let transport: any Transport
    private let clientSecret: Secret
    private let now: @Sendable () -> Date

    package init(
        _ configuration: TikTokConfiguration, transport: any Transport, clientSecret: Secret,
        now: @escaping @Sendable () -> Date
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clientSecret = clientSecret
        self.now = now
    }

    /// Exchanges the code in `answer` for tokens and fetches the user.
    /// - Throws: `StageError` if the answer has no code for this request, or the exchange fails.
    package func complete(
        _ request: LoginRequest, with answer: LoginAnswer
    ) async throws(StageError) -> ConnectedAccount {
        let code = try request.code(in: answer)
        let client = OAuthClient(
            configuration, transport: transport, clientKey: request.clientKey, clientSecret: clientSecret, now: now)
        let tokens: OAuthTokens
        do throws(APIFailure) {
            tokens = try await client.exchange(
                code: code, redirectURI: request.redirectURI, verifier: request.verifier)
        } catch {
            if case .refused(let refusal) = error { throw StageError(tiktokLogin: refusal) }
            throw StageError(tiktok: error)
        }
        let scopes = GrantedScopes(requested: request.scopes, granted: tokens.scopes)
        return ConnectedAccount(tokens: tokens, user: await user(of: tokens), scopes: scopes)
    }

    /// Fetches the user that the tokens belong to. Returns nil on failure, which does not fail the login.
    package func user(of tokens: OAuthTokens) async -> UserInfo? {
        let client = TikTokClient(configuration, transport: transport)
        let isDetailed = tokens.scopes.contains("user.info.profile")
        do throws(APIFailure) {
            return try await client.userInfo(
                fields: ["open_id", "display_name"] + (isDetailed ? ["username"] : []), token: tokens.accessToken)
        } catch {
            return nil
        }
    }
}
