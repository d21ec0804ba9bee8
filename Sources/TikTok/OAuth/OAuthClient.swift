package import Foundation
package import PipelineKit

/// A client for TikTok's token endpoints. Responses are flat JSON objects, and a non-empty `error` is a failure with
/// any HTTP status.
package struct OAuthClient: Sendable {
    private let configuration: TikTokConfiguration
    private let transport: any Transport
    private let clientKey: String
    private let clientSecret: Secret
    private let now: @Sendable () -> Date

    /// Creates a client with an app's credentials.
    package init(
        _ configuration: TikTokConfiguration, transport: any Transport, clientKey: String, clientSecret: Secret,
        now: @escaping @Sendable () -> Date
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clientKey = clientKey
        self.clientSecret = clientSecret
        self.now = now
    }

    /// Renews tokens. Serialise the calls of one account: using a refresh token twice may end the session.
    /// - Throws: `APIFailure`.
    package func refresh(_ refreshToken: Secret) async throws(APIFailure) -> OAuthTokens {
        try await tokens(for: [("grant_type", "refresh_token"), ("refresh_token", refreshToken.reveal())])
    }

    /// Exchanges an authorisation code, decoded once from the redirect's query, for tokens.
    /// - Throws: `APIFailure`.
    package func exchange(code: Secret, redirectURI: String, verifier: Secret?) async throws(APIFailure) -> OAuthTokens
    {
        var fields = [
            ("code", code.reveal()), ("grant_type", "authorization_code"), ("redirect_uri", redirectURI),
        ]
        if let verifier { fields.append(("code_verifier", verifier.reveal())) }
        return try await tokens(for: fields)
    }

    /// Revokes the login that the access token belongs to.
    /// - Throws: `APIFailure`.
    package func revoke(accessToken: Secret) async throws(APIFailure) {
        let response = try await send([("token", accessToken.reveal())], to: "/v2/oauth/revoke/")
        // A successful response may have an empty body.
        guard (200...299).contains(response.status) else {
            throw .unintelligible(
                status: response.status, detail: "an invalid OAuth response", retryAfter: response.retryAfter)
        }
    }

    private func tokens(for fields: [(name: String, value: String)]) async throws(APIFailure) -> OAuthTokens {
        let path = configuration.dialect == .v2 ? "/v2/oauth/token/" : "/oauth/access_token"
        let response = try await send(fields, to: path)
        guard (200...299).contains(response.status) else {
            throw .unintelligible(
                status: response.status, detail: "an invalid OAuth response", retryAfter: response.retryAfter)
        }
        do {
            return try JSONDecoder().decode(OAuthAnswer.self, from: response.body).tokens(at: now())
        } catch {
            throw .unintelligible(
                status: response.status, detail: "a response without tokens", retryAfter: response.retryAfter)
        }
    }

    private func send(
        _ fields: [(name: String, value: String)], to path: String
    ) async throws(APIFailure) -> TransportResponse {
        let form = ([("client_key", clientKey), ("client_secret", clientSecret.reveal())] + fields)
            .map { "\(FormEncoding.encode($0.name))=\(FormEncoding.encode($0.value))" }.joined(separator: "&")
        let response: TransportResponse
        do throws(TransportFailure) {
            response = try await transport.send(
                TransportRequest(
                    method: "POST", url: configuration.apiBaseURL + path,
                    headers: [
                        ("Content-Type", "application/x-www-form-urlencoded"), ("Cache-Control", "no-cache"),
                    ], body: .data(Data(form.utf8)), timeout: configuration.requestTimeout))
        } catch {
            throw .transport(error)
        }
        if let answer = try? JSONDecoder().decode(OAuthErrorAnswer.self, from: response.body),
            let code = answer.error, !code.isEmpty
        {
            throw .refused(
                APIRefusal(
                    status: response.status, code: RemoteText.code(code),
                    message: RemoteText.line(answer.error_description ?? ""),
                    logID: answer.log_id.map(RemoteText.line), retryAfter: response.retryAfter))
        }
        return response
    }
}

/// Encodes and decodes `application/x-www-form-urlencoded` data.
enum FormEncoding {
    private static let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)

    static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            if unreserved.contains(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count == 1 ? "0" + digits : digits)
        }.joined()
    }

    /// Returns the values of a query by name, the first one if a name is repeated. Keeps `+`, which codes may contain.
    static func decode(_ text: String) -> [String: String] {
        func plain(_ part: some StringProtocol) -> String { part.removingPercentEncoding ?? String(part) }
        return Dictionary(
            text.split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (plain(parts[0]), parts.count == 2 ? plain(parts[1]) : "")
            }, uniquingKeysWith: { first, _ in first })
    }
}
