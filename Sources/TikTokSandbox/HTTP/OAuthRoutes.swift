import Foundation
import HTTPTypes
import Hummingbird

/// The token endpoints of Login Kit.
struct OAuthRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        router.post(exactly: "/v2/oauth/token/", through: gateway) { request, _ in
            try await Self.token(for: try await Self.form(of: request), engine: engine)
        }
        router.post(exactly: "/v2/oauth/revoke/", through: gateway) { request, _ in
            let form = try await Self.form(of: request)
            try await engine.checkClient(key: form["client_key"], secret: form["client_secret"])
            try await engine.revoke(form["token"])
            return .json([:])
        }
    }

    private static func form(of request: IncomingRequest) async throws -> [String: String] {
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
            try await request.drain()
            throw OAuthError.invalidRequest("Only `application/x-www-form-urlencoded` is accepted as Content-Type.")
        }
        return try await request.form()
    }

    /// Handles a token request of any grant type.
    static func token(
        for form: [String: String], engine: SandboxEngine, needsRedirect: Bool = true
    ) async throws -> EndpointResponse {
        try await engine.checkClient(key: form["client_key"], secret: form["client_secret"])
        let token =
            switch form["grant_type"] {
            case "authorization_code":
                try await engine.exchange(
                    code: form["code"], redirectURI: form["redirect_uri"], verifier: form["code_verifier"],
                    needsRedirect: needsRedirect)
            case "refresh_token":
                try await engine.refresh(form["refresh_token"])
            case "client_credentials":
                await engine.clientToken()
            default:
                throw OAuthError(
                    status: 400, error: "unsupported_grant_type", description: "The grant type is not supported.")
            }
        var members: [String: SandboxJSON] = [
            "access_token": .string(token.accessToken), "expires_in": .integer(token.expiresIn),
            "token_type": "Bearer",
        ]
        members["refresh_token"] = token.refreshToken.map(SandboxJSON.string)
        members["refresh_expires_in"] = token.refreshExpiresIn.map(SandboxJSON.integer)
        members["open_id"] = token.openID.map(SandboxJSON.string)
        members["scope"] = token.scope.map(SandboxJSON.string)
        return .json(.object(members))
    }
}
