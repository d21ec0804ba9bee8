import Yams

/// A YAML parser error, translated into a message and hint for users.
struct YamlProblem {
    var message: String
    var hint: String?
    /// The location in the file.
    var place: (line: Int, column: Int)
    /// Whether the nesting exceeds the parser's own limit.
    var isDepth: Bool { message.hasPrefix("Maximum nesting level") }

    init(_ error: YamlError, _ map: PlaceMap) {
        switch error {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let place = map.place(line: mark.line, column: mark.column)
            (message, hint) = Self.words(text, context.map { ($0.text, map.place(line: $0.mark.line, column: 1).line) })
            self.place = place
        case .reader(_, let offset, let value, let text):
            message = "a character that is not allowed in text"
            if value > 0 { message += ": U+\(Self.hex(Int(value)))" }
            hint = "remove it, or write it in double quotes as \\u and four hexadecimal digits"
            place = map.place(of: text.prefix(offset ?? 0).unicodeScalars.count)
        case .duplicatedKeysInMapping(let duplicates, let context):
            message = "the key \"\(duplicates.first ?? "?")\" occurs twice in one object"
            hint = "remove one of them; the location points to the first"
            place = map.place(line: context.mark.line, column: context.mark.column)
        default:
            message = "can't be parsed: \(error)"
            place = (1, 1)
        }
    }

    private static func hex(_ value: Int) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Replaces the parser's messages, which assume knowledge of its grammar.
    private static func words(_ text: String, _ context: (text: String, line: Int)?) -> (String, String?) {
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
            return ("the \":\" after a key is missing", context.map { "the key begins in line \($0.line)" })
        case "did not find expected key", "did not find expected '-' indicator":
            let kind = text.hasSuffix("key") ? "a key" : "\"- \""
            return (
                "\(kind) is missing here",
                context.map { "the block that begins in line \($0.line) is not closed, or its indentation differs" }
            )
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            let end = text.hasSuffix("']'") ? "]" : "}"
            return (
                "\",\" or \"\(end)\" is missing",
                context.map { "the \(end == "]" ? "list" : "object") begins in line \($0.line)" }
            )
        case "found unexpected end of stream":
            return (
                "the file ends too early",
                context.map { "the text that begins in line \($0.line) has no closing quote" }
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
