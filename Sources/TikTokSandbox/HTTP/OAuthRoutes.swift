import Foundation
import HTTPTypes
import Hummingbird

/// The token endpoints of Login Kit.
struct OAuthRoutes {
    let engine: SandboxEngine
    let gateway: Gateway

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        router.post("/v2/oauth/token") { [gateway] request, context in
            try await gateway.serve(
                request, context,
                PublishRoutes.exact("/v2/oauth/token/") { incoming, _ in
                    try await Self.token(try await Self.form(incoming), engine)
                })
        }
        router.post("/v2/oauth/revoke") { [gateway] request, context in
            try await gateway.serve(
                request, context,
                PublishRoutes.exact("/v2/oauth/revoke/") { incoming, _ in
                    let form = try await Self.form(incoming)
                    try await engine.checkClient(key: form["client_key"], secret: form["client_secret"])
                    try await engine.revoke(form["token"])
                    return .json([:])
                })
        }
    }

    private static func form(_ incoming: Incoming) async throws -> [String: String] {
        guard incoming.headers[.contentType]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
            try await incoming.drain()
            throw OAuthError.invalidRequest("Only `application/x-www-form-urlencoded` is accepted as Content-Type.")
        }
        return try await incoming.form()
    }

    /// Handles a token request of any grant type.
    static func token(
        _ form: [String: String], _ engine: SandboxEngine, needsRedirect: Bool = true
    ) async throws -> Answer {
        try await engine.checkClient(key: form["client_key"], secret: form["client_secret"])
        let answer =
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
                throw OAuthError(400, "unsupported_grant_type", "The grant type is not supported.")
            }
        var members: [String: SandboxJSON] = [
            "access_token": .string(answer.accessToken), "expires_in": .integer(answer.expiresIn),
            "token_type": "Bearer",
        ]
        members["refresh_token"] = answer.refreshToken.map(SandboxJSON.string)
        members["refresh_expires_in"] = answer.refreshExpiresIn.map(SandboxJSON.integer)
        members["open_id"] = answer.openID.map(SandboxJSON.string)
        members["scope"] = answer.scope.map(SandboxJSON.string)
        return .json(.object(members))
    }
}
