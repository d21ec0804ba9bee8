package import PipelineKit

/// One login under way: what the consent page is asked, and what its answer is held against.
package struct LoginRequest: Sendable {
    /// What the program can use: who the creator is, direct posts, drafts.
    package static let usualScopes = ["user.info.basic", "video.publish", "video.upload"]

    /// The app.
    package let clientKey: String
    /// Permissions that the creator is asked for.
    package let scopes: [String]
    /// Where the browser is sent back to, byte for byte as registered in TikTok's developer portal.
    package let redirectURI: String
    /// Comes back with the answer: proof that the answer belongs to this request.
    package let state: Secret
    /// What proves at the exchange that this program asked; nil for web apps, which have a secret instead.
    package let verifier: Secret?
    /// Whether the consent page is shown although the browser is logged in already: to connect another account.
    package let asksAgain: Bool

    /// A request with a fresh state and, for programs on the user's machine, a fresh verifier.
    package init(
        clientKey: String, scopes: [String] = LoginRequest.usualScopes, redirectURI: String, usesPKCE: Bool,
        asksAgain: Bool = false
    ) {
        self.init(
            clientKey: clientKey, scopes: scopes, redirectURI: redirectURI, state: Secret(PKCE.verifier()),
            verifier: usesPKCE ? Secret(PKCE.verifier()) : nil, asksAgain: asksAgain)
    }

    /// A request that was begun earlier.
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

    /// The address of the consent page for this request.
    /// - Parameter page: The page's own address, such as `https://www.tiktok.com/v2/auth/authorize/`.
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

    /// Whether an answer belongs to this request.
    package func isAnswered(by answer: LoginAnswer) -> Bool {
        guard let returned = answer.state else { return false }
        return ConstantTime.areEqual(returned.reveal(), state.reveal())
    }

    /// The code of an answer, when the answer is one to this request.
    /// - Throws: `StageError` with code `not-authorised` that says why there is none.
    package func code(in answer: LoginAnswer) throws(StageError) -> Secret {
        guard isAnswered(by: answer) else {
            throw StageError(
                .notAuthorised, "the answer does not belong to this login: its state is another one",
                hint: "begin the login again, and finish it in the window that it opens")
        }
        if let error = answer.error {
            let isRefusal = error == "access_denied"
            throw StageError(
                .notAuthorised,
                isRefusal ? "the creator did not allow it [access_denied]" : "TikTok ended the login [\(error)]",
                hint: isRefusal
                    ? "begin again and choose Continue on TikTok's page"
                    : "check the app's settings in TikTok's developer portal, above all its redirect URI and scopes",
                cause: answer.errorDescription)
        }
        guard let code = answer.code, !code.reveal().isEmpty else {
            throw StageError(
                .notAuthorised, "TikTok's answer has no code", hint: "begin the login again")
        }
        return code
    }
}

/// What the consent page sends back in the query of the redirect URI.
package struct LoginAnswer: Sendable {
    /// What is exchanged for tokens, decoded.
    package let code: Secret?
    /// The request's state.
    package let state: Secret?
    /// Why there is no code.
    package let error: String?
    /// The same in TikTok's words.
    package let errorDescription: String?

    /// Reads a query, without its question mark. Values are decoded once, as TikTok asks for codes.
    package init(query: String) {
        let values = FormEncoding.decode(query)
        code = values["code"].map { Secret($0) }
        state = values["state"].map { Secret($0) }
        let error = values["error"].flatMap { $0.isEmpty ? nil : $0 }
        self.error = error.map(RemoteText.code)
        errorDescription = values["error_description"].map { RemoteText.line($0.replacing("+", with: " ")) }
    }

    /// Reads the whole address that the browser ended at, as a person copies it.
    /// - Returns: nil when it has no query.
    package init?(address: String) {
        let text = address.trimmingPrefix { $0.isWhitespace }
        guard let mark = text.firstIndex(of: "?") else { return nil }
        let rest = text[text.index(after: mark)...]
        self.init(query: String(rest.prefix { $0 != "#" && !$0.isWhitespace }))
    }
}

/// Comparison of secrets that takes as long for a near miss as for a far one.
enum ConstantTime {
    static func areEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
