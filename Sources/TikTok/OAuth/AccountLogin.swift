package import Foundation
package import PipelineKit

/// An account that a creator has just connected.
package struct ConnectedAccount: Sendable {
    /// Its tokens. Persist them before they are used.
    package let tokens: OAuthTokens
    /// Who it is; nil when that permission was not granted or TikTok did not say.
    package let user: UserInfo?
    /// What may be done with it.
    package let scopes: GrantedScopes
}

/// The steps after the consent page: the same for a program on the user's machine and for a web app.
package struct AccountLogin: Sendable {
    private let configuration: TikTokConfiguration
    private let transport: any Transport
    private let clientSecret: Secret
    private let now: @Sendable () -> Date

    /// Logins for an app.
    package init(
        _ configuration: TikTokConfiguration, transport: any Transport, clientSecret: Secret,
        now: @escaping @Sendable () -> Date
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clientSecret = clientSecret
        self.now = now
    }

    /// Exchanges the code of an answer and asks who the creator is.
    /// - Throws: `StageError` when the answer is no code for this request, or TikTok refuses the exchange.
    package func complete(
        _ request: LoginRequest, _ answer: LoginAnswer
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
        let scopes = GrantedScopes(wanted: request.scopes, granted: tokens.scopes)
        return ConnectedAccount(tokens: tokens, user: await user(tokens), scopes: scopes)
    }

    /// Who the tokens belong to; not knowing it is no reason to give the login up.
    package func user(_ tokens: OAuthTokens) async -> UserInfo? {
        let client = TikTokClient(configuration, transport: transport)
        let isDetailed = tokens.scopes.contains("user.info.profile")
        do throws(APIFailure) {
            return try await client.userInfo(
                fields: ["open_id", "display_name"] + (isDetailed ? ["username"] : []), tokens.accessToken)
        } catch {
            return nil
        }
    }
}
