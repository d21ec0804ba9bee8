/// Patterns of well-known kinds of secrets.
enum SecretPatterns {
    /// The kind for messages, a substring that every match contains (a cheap filter), and the pattern.
    private static var patterns: [(kind: String, substring: String, regex: () -> Regex<Substring>)] {
        [
            ("a TikTok access token", "act.", { /\bact\.[A-Za-z0-9!._~-]{12,}/ }),
            ("a TikTok refresh token", "rft.", { /\brft\.[A-Za-z0-9!._~-]{12,}/ }),
            ("an AWS access key", "AKIA", { /\bAKIA[0-9A-Z]{16}\b/ }),
            ("a temporary AWS access key", "ASIA", { /\bASIA[0-9A-Z]{16}\b/ }),
            ("a GitHub token", "gh", { /\bgh[pousr]_[A-Za-z0-9]{20,}/ }),
            ("a private key", "-----BEGIN", { /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^"']*/ }),
            // Bounding the scheme's length keeps matching linear on long runs of letters.
            (
                "an address with a password", "://",
                { /[a-z][a-z0-9+.-]{0,20}:\/\/[^\/\s:@"]{1,200}:[^\/\s@"${}]{1,4000}@/ }
            ),
            ("an upload address of TikTok", "upload_token=", { /upload_token=[^&\s"]+/ }),
        ]
    }

    /// The patterns whose substring occurs in `text`; compiles no pattern for most texts.
    private static func candidates(for text: String) -> [(kind: String, regex: Regex<Substring>)] {
        patterns.filter { text.contains($0.substring) }.map { ($0.kind, $0.regex()) }
    }

    /// The kind of secret that `text` appears to contain; nil for none.
    static func kind(in text: String) -> String? { candidates(for: text).first { text.contains($0.regex) }?.kind }

    /// The text with matches replaced by as many asterisks as they have Unicode scalars.
    static func masked(_ text: String) -> String {
        candidates(for: text).reduce(text) { text, pattern in
            text.replacing(pattern.regex) { String(repeating: "*", count: $0.0.unicodeScalars.count) }
        }
    }
}
