import Foundation
package import PipelineKit
import Yams

/// Reads a pipeline file, JSON or YAML, into nodes that know their places.
///
/// JSON is read by the YAML parser, which keeps positions, and then by a JSON parser, so that a `.json` file is what
/// other tools can read too.
package enum DocumentLoader {
    static let largestFile = 1_000_000
    static let deepestNesting = 100
    static let mostNodes = 100_000

    /// The root node of `text`, or what is wrong with it.
    /// - Parameters:
    ///   - text: The file's content.
    ///   - file: Its name, for places; decides by extension whether it must be JSON.
    package static func load(_ text: String, file: String) -> (root: DocumentNode?, findings: [Diagnostic]) {
        func problem(_ message: String, hint: String? = nil, line: Int? = nil, column: Int? = nil) -> Diagnostic {
            Diagnostic(
                code: "syntax", message, hint: hint, location: SourceLocation(file: file, line: line, column: column))
        }
        guard text.utf8.count <= largestFile else {
            return (
                nil,
                [
                    problem(
                        "the file is larger than 1 MB", hint: "a pipeline file is a few kilobytes", line: 1, column: 1)
                ]
            )
        }
        if let line = tooDeep(text) {
            return (nil, [problem("nested more than \(deepestNesting) levels deep", line: line, column: 1)])
        }
        let isJSON = file.lowercased().hasSuffix(".json")
        do {
            guard let node = try Yams.compose(yaml: isJSON ? joiningSurrogates(text) : text) else {
                return (
                    nil,
                    [
                        problem(
                            "the file is empty", hint: "start with: spreader-pipeline schema --help", line: 1, column: 1
                        )
                    ]
                )
            }
            if isJSON, let wrong = StrictJSON.firstProblem(in: text) {
                let hint = "YAML allows more: to use it, name the file .yaml"
                return (
                    nil,
                    [problem("not valid JSON: \(wrong.message)", hint: hint, line: wrong.line, column: wrong.column)]
                )
            }
            var budget = mostNodes
            guard let root = convert(node, file: file, budget: &budget) else {
                return (nil, [problem("more than \(mostNodes) values: aliases that multiply?", line: 1, column: 1)])
            }
            return (root, [])
        } catch let error as YamlError {
            return (nil, [diagnostic(error, problem)])
        } catch {
            return (nil, [problem("can't be parsed: \(error)", line: 1, column: 1)])
        }
    }

    private static func convert(_ node: Node, file: String, budget: inout Int) -> DocumentNode? {
        budget -= 1
        guard budget > 0 else { return nil }
        let location = SourceLocation(file: file, line: node.mark?.line, column: node.mark?.column)
        switch node {
        case .scalar(let scalar):
            return .scalar(scalar.style == .plain ? resolve(scalar.string) : .string(scalar.string), location)
        case .sequence(let sequence):
            var elements: [DocumentNode] = []
            for element in sequence {
                guard let element = convert(element, file: file, budget: &budget) else { return nil }
                elements.append(element)
            }
            return .list(elements, location)
        case .mapping(let mapping):
            var members: [DocumentNode.Member] = []
            for (key, value) in mapping {
                guard let value = convert(value, file: file, budget: &budget) else { return nil }
                members.append(
                    DocumentNode.Member(
                        key: key.scalar?.string ?? "?",
                        keyLocation: SourceLocation(file: file, line: key.mark?.line, column: key.mark?.column),
                        value: value))
            }
            return .mapping(members, location)
        case .alias:
            return .scalar(.null, location)
        }
    }

    /// YAML 1.2's core words only: `no` and `on` stay text.
    private static func resolve(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default: break
        }
        guard let first = text.first, first.isNumber || "+-.".contains(first) else { return .string(text) }
        if let integer = Int64(text) { return .integer(integer) }
        if let number = Double(text), number.isFinite, text.allSatisfy({ $0.isNumber || "+-.eE".contains($0) }) {
            return .number(number)
        }
        return .string(text)
    }

    private static func diagnostic(
        _ error: YamlError, _ problem: (String, String?, Int?, Int?) -> Diagnostic
    ) -> Diagnostic {
        switch error {
        case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _), .composer(_, let text, let mark, _):
            return problem(text, nil, mark.line, mark.column)
        case .reader(let text, _, _, _):
            return problem("not readable as text: \(text)", "save the file as UTF-8", 1, 1)
        case .duplicatedKeysInMapping(let duplicates, let context):
            return problem(
                "the key \"\(duplicates.last ?? "?")\" stands twice in one object", "remove one of them",
                context.mark.line, context.mark.column)
        default:
            return problem("can't be parsed: \(error)", nil, 1, 1)
        }
    }

    /// JSON writes characters beyond U+FFFF as two escapes, which YAML does not join.
    static func joiningSurrogates(_ text: String) -> String {
        text.replacing(/\\u([dD][89aAbB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/) { match in
            guard let high = UInt32(match.1, radix: 16), let low = UInt32(match.2, radix: 16) else {
                return String(match.0)
            }
            let scalar = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            return "\\U" + String(repeating: "0", count: 8 - String(scalar, radix: 16).count)
                + String(scalar, radix: 16)
        }
    }

    /// The line at which nesting gets deeper than a parser should be asked to follow, nil when it never does.
    private static func tooDeep(_ text: String) -> Int? {
        var depth = 0
        var line = 1
        var dashes = 0
        var isLineStart = true
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
            case UInt8(ascii: "\n"):
                line += 1
                dashes = 0
                isLineStart = true
                continue
            case UInt8(ascii: "-"), UInt8(ascii: "?"):
                if isLineStart { dashes += 1 }
                if depth + dashes > deepestNesting { return line }
                continue
            case UInt8(ascii: " "): continue
            default: break
            }
            isLineStart = false
            if depth + dashes > deepestNesting { return line }
        }
        return nil
    }
}
