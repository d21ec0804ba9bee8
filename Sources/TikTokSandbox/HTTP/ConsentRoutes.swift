import HTTPTypes
import Hummingbird

/// `/v2/auth/authorize/`: the consent page and its form.
struct ConsentRoutes {
    let engine: SandboxEngine
    let gateway: Gateway
    let page: ConsentPage

    func add(to router: Router<SandboxContext>) {
        router.get(
            "/v2/auth/authorize",
            use: gateway.handler { request, _ in
                try await respond(to: request.query) { consent in
                    let settings = engine.settings
                    guard settings.autoApprove || request.query["auto"] == "1" else { return nil }
                    return settings.grantedScopes.map { granted in consent.scopes.filter(granted.contains) }
                        ?? consent.scopes
                }
            })
        router.post(
            "/v2/auth/authorize",
            use: gateway.handler { request, _ in
                let form = try await request.form()
                return try await respond(to: form) { consent in
                    guard form["decision"] == "approve" else { return [] }
                    let granted = (form["granted"] ?? "").split(separator: ",").map(String.init)
                    return consent.scopes.filter(granted.contains)
                }
            })
    }

    /// Shows the page if `decide` returns nil, otherwise redirects to the client. An empty list means that the user declined.
    private func respond(
        to fields: [String: String], decide: (ConsentRequest) -> [String]?
    ) async throws -> EndpointResponse {
        let nonce = Identifiers.secret(24)
        do {
            let consent = try ConsentRequest(fields, app: try await engine.app)
            guard let granted = decide(consent) else {
                // Browsers check the redirect after a form against `form-action`, so the list must contain the client's origin.
                return .page(
                    page.render(consent, settings: engine.settings, nonce: nonce), nonce: nonce,
                    formTargets: "'self' " + Self.origin(of: consent.redirectURI))
            }
            guard !granted.isEmpty else {
                throw ConsentRequest.Refusal.redirect(
                    to: consent.redirectURI, error: "access_denied", description: "The user has denied the request.",
                    state: consent.state)
            }
            let code = try await engine.issueCode(
                redirectURI: consent.redirectURI, scopes: granted, challenge: consent.challenge)
            return .redirect(
                to: consent.redirectURI,
                query: [("code", code), ("scopes", granted.joined(separator: ",")), ("state", consent.state)])
        } catch let refusal as ConsentRequest.Refusal {
            switch refusal {
            case .page(let text):
                return .page(page.renderRefusal(text, nonce: nonce), nonce: nonce, status: 400)
            case .redirect(let address, let error, let description, let state):
                return .redirect(
                    to: address, query: [("error", error), ("error_description", description), ("state", state)])
            }
        }
    }

    private static func origin(of address: String) -> String {
        address.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(separator: "/")
    }
}

extension EndpointResponse {
    fileprivate static func redirect(to redirectURI: String, query: [(String, String)]) -> EndpointResponse {
        var response = EndpointResponse(status: 302)
        response.headers[.location] = ConsentRequest.location(of: redirectURI, query: query)
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
