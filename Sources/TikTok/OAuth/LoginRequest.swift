package import PipelineKit

/// A login in progress: the parameters of the consent page and the values that its answer must match.
package struct LoginRequest: Sendable {
    /// The permissions that the program uses: user info, direct posts, drafts.
    package static let usualScopes = ["user.info.basic", "video.publish", "video.upload"]

    /// The client key of the app.
    package let clientKey: String
    /// The permissions to request from the creator.
    package let scopes: [String]
    /// Where TikTok sends the browser afterwards, byte for byte as registered in TikTok's developer portal.
    package let redirectURI: String
    /// A random value that TikTok returns with the answer, which proves that the answer belongs to this request.
    package let state: Secret
    /// The PKCE verifier, which proves at the exchange that this program started the login; nil for web apps.
    package let verifier: Secret?
    /// Whether to show the consent page even if the browser is already logged in, to connect another account.
    package let asksAgain: Bool

    /// Starts a login with a new state and, with `usesPKCE`, a new verifier.
    package init(
        clientKey: String, scopes: [String] = LoginRequest.usualScopes, redirectURI: String, usesPKCE: Bool,
        asksAgain: Bool = false
    ) {
        self.init(
            clientKey: clientKey, scopes: scopes, redirectURI: redirectURI, state: Secret(PKCE.verifier()),
            verifier: usesPKCE ? Secret(PKCE.verifier()) : nil, asksAgain: asksAgain)
    }

    /// Restores a login that was started earlier.
    package init(
        clientKey: String, scopes: [String], redirectURI: String, state: Secret, verifier: Secret?,
        asksAgain: Bool = false
    ) {
        self.clientKey = clientKey
        self.scopes = scopes
        self.redirectURI = redirectURI
        self.state = state
        self.verifier = verifier
        self.asksAgain = asksAgain
    }

    /// The URL of the consent page with the parameters of this request.
    /// - Parameter page: The URL without parameters, such as `https://www.tiktok.com/v2/auth/authorize/`.
    package func address(at page: String) -> String {
        var fields = [
            ("client_key", clientKey), ("response_type", "code"), ("scope", scopes.joined(separator: ",")),
            ("redirect_uri", redirectURI), ("state", state.reveal()),
        ]
        if let verifier {
            fields += [("code_challenge", PKCE.challenge(verifier.reveal())), ("code_challenge_method", "S256")]
        }
        if asksAgain { fields.append(("disable_auto_auth", "1")) }
        return page + "?" + fields.map { "\($0.0)=\(FormEncoding.encode($0.1))" }.joined(separator: "&")
    }

    /// Whether the answer belongs to this request: it has the same state.
    package func isAnswered(by answer: LoginAnswer) -> Bool {
        guard let returned = answer.state else { return false }
        return ConstantTime.areEqual(returned.reveal(), state.reveal())
    }

    /// Returns the authorisation code of an answer to this request.
    /// - Throws: `StageError` with code `not-authorised` if the answer belongs to another request or has no code.
    package func code(in answer: LoginAnswer) throws(StageError) -> Secret {
        guard isAnswered(by: answer) else {
            throw StageError(
                .notAuthorised, "the answer does not belong to this login: its state differs",
                hint: "start the login again, and finish it in the window that it opens")
        }
        if let error = answer.error {
            let isRefusal = error == "access_denied"
            throw StageError(
                .notAuthorised,
                isRefusal ? "the creator denied access [access_denied]" : "TikTok ended the login [\(error)]",
                hint: isRefusal
                    ? "start the login again and choose Continue on TikTok's page"
                    : "check the app's settings in TikTok's developer portal, especially its redirect URI and scopes",
                cause: answer.errorDescription)
        }
        guard let code = answer.code, !code.reveal().isEmpty else {
            throw StageError(
                .notAuthorised, "TikTok's answer has no code", hint: "start the login again")
        }
        return code
    }
}

/// The answer of the consent page, from the query of the redirect URI.
package struct LoginAnswer: Sendable {
    /// The decoded authorisation code, to exchange for tokens; nil if the login failed.
    package let code: Secret?
    /// The state of the request, as returned; nil if missing.
    package let state: Secret?
    /// TikTok's error code; nil on success.
    package let error: String?
    /// TikTok's description of the error.
    package let errorDescription: String?

    /// Parses a query without its question mark. Values are decoded once, as TikTok requires for codes.
    package init(query: String) {
        let values = FormEncoding.decode(query)
        code = values["code"].map { Secret($0) }
        state = values["state"].map { Secret($0) }
        let error = values["error"].flatMap { $0.isEmpty ? nil : $0 }
        self.error = error.map(RemoteText.code)
        errorDescription = values["error_description"].map { RemoteText.line($0.replacing("+", with: " ")) }
    }

    /// Parses the complete URL from the browser's address bar, as a user pastes it.
    /// - Returns: nil if it has no query.
    package init?(address: String) {
        let text = address.trimmingPrefix { $0.isWhitespace }
        guard let questionMark = text.firstIndex(of: "?") else { return nil }
        let rest = text[text.index(after: questionMark)...]
        self.init(query: String(rest.prefix { $0 != "#" && !$0.isWhitespace }))
    }
}

/// Compares secrets in constant time for strings of equal length.
enum ConstantTime {
    static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
