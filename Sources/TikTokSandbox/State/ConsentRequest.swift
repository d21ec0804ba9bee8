import Foundation

/// A valid request to the consent page.
struct ConsentRequest: Sendable, Equatable {
    var clientKey: String
    var redirectURI: String
    var scopes: [String]
    var state: String
    var challenge: String?

    /// The hidden fields of the form.
    var fields: [(name: String, value: String)] {
        var fields = [
            ("client_key", clientKey), ("response_type", "code"), ("redirect_uri", redirectURI),
            ("scope", scopes.joined(separator: ",")), ("state", state),
        ]
        if let challenge { fields += [("code_challenge", challenge), ("code_challenge_method", "S256")] }
        return fields
    }

    /// Why a request is invalid, and who is informed.
    enum Refusal: Error, Sendable, Equatable {
        /// Shown to the user, because the redirect URI cannot be trusted.
        case page(String)
        /// Sent to the client by redirect.
        case redirect(to: String, error: String, description: String, state: String)
    }

    /// Validates the query or the submitted form of the consent page.
    init(_ fields: [String: String], app: SandboxApp) throws(Refusal) {
        guard let key = fields["client_key"], key == app.clientKey else {
            throw .page("The client_key is missing or is not the one of this sandbox; see sandbox.env.")
        }
        guard let redirect = fields["redirect_uri"], Self.isRegistrable(redirect) else {
            throw .page(
                "The redirect_uri is missing or cannot be registered: https without query and fragment, or http on localhost or 127.0.0.1 with a port."
            )
        }
        let state = fields["state"] ?? ""
        func refuse(_ error: String, _ description: String) -> Refusal {
            .redirect(to: redirect, error: error, description: description, state: state)
        }
        guard fields["response_type"] == "code" else {
            throw refuse("unsupported_response_type", "The response_type has to be code.")
        }
        let scopes = (fields["scope"] ?? "").split(separator: ",").map(String.init)
        guard !scopes.isEmpty, scopes.allSatisfy(SandboxApp.offers) else {
            throw refuse(
                "invalid_scope", "The scope is unknown or not enabled for the app; scopes are joined with commas.")
        }
        let challenge = fields["code_challenge"]
        if challenge != nil, fields["code_challenge_method"] != "S256" {
            throw refuse("invalid_request", "The code_challenge_method has to be S256.")
        }
        self.clientKey = key
        self.redirectURI = redirect
        self.scopes = scopes
        self.state = state
        self.challenge = challenge
    }

    /// Whether TikTok's developer portal would accept the redirect URI, by its rules for web or desktop apps.
    static func isRegistrable(_ address: String) -> Bool {
        guard address.utf8.count < 512, let parts = URLComponents(string: address), let host = parts.host,
            !host.isEmpty,
            parts.query == nil, parts.fragment == nil
        else { return false }
        if parts.scheme == "https" { return true }
        return parts.scheme == "http" && ["localhost", "127.0.0.1"].contains(host) && parts.port != nil
    }

    /// The redirect URI with a query, percent-encoded.
    static func location(of redirectURI: String, query values: [(String, String)]) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        let query = values.map { name, value in
            name + "=" + (value.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")
        }
        return redirectURI + "?" + query.joined(separator: "&")
    }
}
