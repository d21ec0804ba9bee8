/// The limits that keep parsing fast for hostile documents.
enum DocumentLimits {
    static let depth = 100
    /// The number of values.
    static let nodes = 100_000
}

/// Why a document can't be parsed.
struct SyntaxProblem: Error {
    var message: String
    var hint: String?
    var position: TextPosition

    init(_ message: String, hint: String? = nil, at position: TextPosition) {
        self.message = message
        self.hint = hint
        self.position = position
    }

    /// The hint for JSON syntax errors that YAML accepts.
    static let yamlHint = "YAML accepts this: to use it, rename the file to .yaml"

    static func tooDeep(at position: TextPosition) -> SyntaxProblem {
        SyntaxProblem(
            "nested more than \(DocumentLimits.depth) levels deep", hint: "a pipeline file needs no more than six",
            at: position)
    }

    static func tooManyNodes(at position: TextPosition) -> SyntaxProblem {
        SyntaxProblem(
            "more than \(DocumentLimits.nodes) values, possibly because aliases multiply",
            hint: "replace aliases by the values themselves", at: position)
    }

    /// A control character or noncharacter in text.
    /// - Parameter value: The code point; 0 if it is not known.
    static func disallowed(_ value: UInt32, at position: TextPosition) -> SyntaxProblem {
        let digits = String(value, radix: 16, uppercase: true)
        let name = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return SyntaxProblem(
            "a character that is not allowed in text" + (value > 0 ? ": \(name)" : ""),
            hint: "remove it, or write it in double quotes as \\u and four hexadecimal digits", at: position)
    }
}
