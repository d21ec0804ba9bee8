import Foundation
import HTTPTypes
import Hummingbird

/// `/v2/auth/authorize/`: the consent page and its form.
struct ConsentRoutes {
    let engine: SandboxEngine
    let gateway: Gateway
    let page: ConsentPage

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        let page = page
        router.get("/v2/auth/authorize") { [gateway] request, context in
            try await gateway.serve(request, context) { incoming, _ in
                try await Self.answer(incoming.query, engine, page) { consent in
                    let settings = engine.desk.settings
                    guard settings.autoApprove || incoming.query["auto"] == "1" else { return nil }
                    return settings.grantedScopes.map { granted in consent.scopes.filter(granted.contains) }
                        ?? consent.scopes
                }
            }
        }
        router.post("/v2/auth/authorize") { [gateway] request, context in
            try await gateway.serve(request, context) { incoming, _ in
                let form = try await incoming.form()
                return try await Self.answer(form, engine, page) { consent in
                    guard form["decision"] == "approve" else { return [] }
                    let granted = (form["granted"] ?? "").split(separator: ",").map(String.init)
                    return consent.scopes.filter(granted.contains)
                }
            }
        }
    }

    /// Shows the page if `decide` returns nil, otherwise redirects to the client. An empty list means that the user declined.
    private static func answer(
        _ fields: [String: String], _ engine: SandboxEngine, _ page: ConsentPage, decide: (ConsentRequest) -> [String]?
    ) async throws -> Answer {
        let nonce = Identifiers.secret(24)
        do {
            let consent = try ConsentRequest(fields, app: try await engine.app)
            guard let granted = decide(consent) else {
                // Browsers check the redirect after a form against `form-action`, so the list must contain the client's origin.
                return .page(
                    page.render(consent, settings: engine.desk.settings, nonce: nonce), nonce: nonce,
                    formTargets: "'self' " + origin(consent.redirectURI))
            }
            guard !granted.isEmpty else {
                throw ConsentRequest.Refusal.redirect(
                    to: consent.redirectURI, error: "access_denied", description: "The user has denied the request.",
                    state: consent.state)
            }
            let code = try await engine.issueCode(
                redirectURI: consent.redirectURI, scopes: granted, challenge: consent.challenge)
            return back(
                consent.redirectURI,
                [("code", code), ("scopes", granted.joined(separator: ",")), ("state", consent.state)])
        } catch let refusal as ConsentRequest.Refusal {
            switch refusal {
            case .page(let text):
                return .page(page.renderRefusal(text, nonce: nonce), nonce: nonce, status: 400)
            case .redirect(let address, let error, let description, let state):
                return back(address, [("error", error), ("error_description", description), ("state", state)])
            }
        }
    }

    private static func back(_ address: String, _ values: [(String, String)]) -> Answer {
        var answer = Answer(status: 302)
        answer.headers[.location] = ConsentRequest.location(address, values)
        answer.headers[.cacheControl] = "no-store"
        return answer
    }

    private static func origin(_ address: String) -> String {
        address.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(separator: "/")
    }
}

extension Answer {
    /// An HTML page whose Content-Security-Policy allows only same-origin requests and its own inline style and script.
    static func page(_ html: String, nonce: String, status: Int = 200, formTargets: String = "'self'") -> Answer {
        var answer = Answer(status: status, body: Data(html.utf8))
        answer.headers[.contentType] = "text/html; charset=utf-8"
        answer.headers[.cacheControl] = "no-store"
        answer.headers[.contentSecurityPolicy] = [
            "default-src 'none'", "img-src 'self'", "media-src 'self'", "connect-src 'self'",
            "style-src 'nonce-\(nonce)'",
            "script-src 'nonce-\(nonce)'", "form-action \(formTargets)", "base-uri 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; ")
        answer.headers[.xContentTypeOptions] = "nosniff"
        return answer
    }
}
