import PipelineFile
import PipelineKit

/// What must not stand in a file that is shared.
enum SecretRule {
    static let all = [secretInFile]

    static let secretInFile = LintRule(
        code: "secret-in-file", "The file holds what looks like a token, a key or a password."
    ) { subject in
        guard let root = subject.written else { return [] }
        var advice: [LintAdvice] = []
        search(root, pointer: "", &advice)
        let known = Set(advice.map(\.location))
        return advice
            + SecretLiteral.all(in: root, of: subject.stages).filter {
                $0.isInClear && !known.contains($0.location)
            }.map { literal in
                LintAdvice(
                    "\"\(literal.option)\" of `\(literal.stage)` is secret: whoever reads the file has its value",
                    hint: "write \"${NAME}\", and give the value in the environment or in .env", at: literal.location,
                    pointer: literal.pointer)
            }
    }

    private static func search(_ node: DocumentNode, pointer: String, _ advice: inout [LintAdvice]) {
        switch node {
        case .scalar(.string(let text), let location):
            guard let kind = SecretPatterns.kind(in: text) else { return }
            advice.append(
                LintAdvice(
                    "this looks like \(kind): whoever reads the file has it",
                    hint:
                        "take it out and make it invalid; secrets stand in the environment or in .env, and pipelines need none",
                    at: location, pointer: pointer))
        case .scalar: return
        case .list(let elements, _):
            for (index, element) in elements.enumerated() { search(element, pointer: "\(pointer)/\(index)", &advice) }
        case .mapping(let members, _):
            for member in members { search(member.value, pointer: "\(pointer)/\(member.key)", &advice) }
        }
    }
}

/// Texts that are secrets by their look.
enum SecretPatterns {
    /// A kind of secret, a part that all of its kind hold, and its look.
    private static var patterns: [(kind: String, mark: String, regex: () -> Regex<Substring>)] {
        [
            ("an access token of TikTok", "act.", { /\bact\.[A-Za-z0-9!._~-]{12,}/ }),
            ("a refresh token of TikTok", "rft.", { /\brft\.[A-Za-z0-9!._~-]{12,}/ }),
            ("a key of AWS", "AKIA", { /\bAKIA[0-9A-Z]{16}\b/ }),
            ("a passing key of AWS", "ASIA", { /\bASIA[0-9A-Z]{16}\b/ }),
            ("a token of GitHub", "gh", { /\bgh[pousr]_[A-Za-z0-9]{20,}/ }),
            ("a private key", "-----BEGIN", { /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^"']*/ }),
            // The name of a scheme is short: a long run of letters is looked through once.
            (
                "an address with a password", "://",
                { /[a-z][a-z0-9+.-]{0,20}:\/\/[^\/\s:@"]{1,200}:[^\/\s@"${}]{1,4000}@/ }
            ),
            ("an upload address of TikTok", "upload_token=", { /upload_token=[^&\s"]+/ }),
        ]
    }

    /// The patterns that `text` may match: most texts match none, and are not searched.
    private static func candidates(for text: String) -> [(kind: String, regex: Regex<Substring>)] {
        patterns.filter { text.contains($0.mark) }.map { ($0.kind, $0.regex()) }
    }

    /// What kind of secret `text` seems to hold; nil for none.
    static func kind(in text: String) -> String? { candidates(for: text).first { text.contains($0.regex) }?.kind }

    /// The text with what may be secret made unreadable, in the same number of scalars.
    static func masked(_ text: String) -> String {
        candidates(for: text).reduce(text) { text, pattern in
            text.replacing(pattern.regex) { String(repeating: "*", count: $0.0.unicodeScalars.count) }
        }
    }
}
