import Yams

extension SyntaxProblem {
    /// An error of the YAML parser, with a message for users.
    init(_ error: YamlError, map: PositionMap) {
        switch error {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let (message, hint) = Self.message(
                for: text, contextLine: context.map { map.position(line: $0.mark.line, column: 1).line })
            self.init(message, hint: hint, at: map.position(line: mark.line, column: mark.column))
        case .reader(_, let offset, let value, let text):
            self = .disallowed(
                UInt32(max(0, value)), at: map.position(at: text.prefix(offset ?? 0).unicodeScalars.count))
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                "the key \"\(duplicates.first ?? "?")\" occurs twice in one object",
                hint: "remove one of them; the location points to the first",
                at: map.position(line: context.mark.line, column: context.mark.column))
        default:
            self.init("can't be parsed: \(error)", at: .start)
        }
    }

    /// Replaces the parser's messages, which assume knowledge of its grammar.
    /// - Parameter line: The line where the enclosing block or text begins.
    private static func message(for text: String, contextLine line: Int?) -> (String, hint: String?) {
        switch text {
        case "found character that cannot start any token":
            return (
                "a value can't start with this character",
                "indent with spaces, not tabs; put text that begins with @, ` or % in quotes"
            )
        case "mapping values are not allowed in this context":
            return (
                "\":\" is not allowed here", "put text that contains \": \" in quotes, and indent keys equally"
            )
        case "could not find expected ':'":
            return ("the \":\" after a key is missing", line.map { "the key begins in line \($0)" })
        case "did not find expected key", "did not find expected '-' indicator":
            let kind = text.hasSuffix("key") ? "a key" : "\"- \""
            return (
                "\(kind) is missing here",
                line.map { "the block that begins in line \($0) is not closed, or its indentation differs" }
            )
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            let end = text.hasSuffix("']'") ? "]" : "}"
            return (
                "\",\" or \"\(end)\" is missing",
                line.map { "the \(end == "]" ? "list" : "object") begins in line \($0)" }
            )
        case "found unexpected end of stream":
            return (
                "the file ends too early",
                line.map { "the text that begins in line \($0) has no closing quote" }
            )
        case "did not find expected node content":
            return ("a value is missing", nil)
        case "but found another document":
            return ("a second document begins", "a file contains one document: remove the line \"---\"")
        case "did not find expected alphabetic or numeric character":
            return (
                "* and & at the start of a text mark aliases and anchors",
                "put patterns such as \"*.mp4\" in quotes"
            )
        case "found undefined alias":
            return (
                "an alias without its anchor",
                "write &name before the value that *name refers to, or put the text in quotes"
            )
        case "found unknown escape character":
            return ("an unknown escape", "write \\\\ for a backslash, or use single quotes")
        default:
            return (text, nil)
        }
    }
}
