import Foundation
package import PipelineKit
import Yams

/// Parses JSON or YAML into nodes that carry their source locations.
///
/// The YAML parser reads JSON as well, and provides the locations. ``StrictJSON`` first rejects everything in a `.json`
/// file that other JSON parsers would not accept.
package enum DocumentLoader {
    package static let largestFile = 1_000_000
    static let deepestNesting = 100
    static let mostNodes = 100_000
    private static let tooDeep = (
        message: "nested more than \(deepestNesting) levels deep", hint: "a pipeline file needs no more than six"
    )

    /// Parses a document within limits for size, nesting and the number of values.
    /// - Parameters:
    ///   - text: The content of the file.
    ///   - file: The name for locations; the extension `.json` requires strict JSON.
    ///   - kind: The kind of document, for error messages.
    /// - Returns: The root node, or nil and one finding with the code `syntax`.
    package static func load(
        _ text: String, file: String, kind: DocumentKind = .pipeline
    ) -> (root: DocumentNode?, findings: [Diagnostic]) {
        // Drop a byte order mark: editors don't count it as a column.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        func failure(
            _ message: String, hint: String? = nil, _ place: (line: Int, column: Int) = (1, 1)
        ) -> (root: DocumentNode?, findings: [Diagnostic]) {
            let location = SourcePosition(file: file, line: place.line, column: place.column)
            let hint = hint == StrictJSON.yaml && !kind.mayBeYAML ? nil : hint
            let words = hint?.replacing(DocumentKind.pipeline.name, with: kind.name)
            return (nil, [Diagnostic(code: "syntax", message, hint: words, location: location)])
        }
        guard text.utf8.count <= largestFile else {
            return failure("the file is larger than 1 MB", hint: "a pipeline file is a few kilobytes")
        }
        let isJSON = file.lowercased().hasSuffix(".json")
        let isBlank = text.allSatisfy(\.isWhitespace)
        // Check JSON first: its error messages are more specific than those of the YAML parser.
        if isJSON, !isBlank, let wrong = StrictJSON.firstProblem(in: text, deepest: deepestNesting) {
            return failure(wrong.message, hint: wrong.hint, (wrong.line, wrong.column))
        }
        if !isJSON, let place = Nesting.aliasedKey(in: text) {
            return failure("many aliases, and a key that may contain aliases", hint: "write the key in full", place)
        }
        let (parsed, joins) = isJSON ? joiningSurrogates(text) : (text, [])
        let map = PlaceMap(text, parsed: parsed, joins: joins)
        do {
            guard !isBlank, let node = try Yams.compose(yaml: parsed) else {
                return failure("the file is empty", hint: kind.start)
            }
            var budget = mostNodes
            var place = (line: 1, column: 1)
            let root = convert(node, depth: 0, budget: &budget) { mark in
                if let mark { place = map.place(line: mark.line, column: mark.column) }
                return SourcePosition(file: file, line: place.line, column: place.column)
            }
            if let root { return (root, []) }
            if budget > 0 { return failure(tooDeep.message, hint: tooDeep.hint, place) }
            return failure(
                "more than \(mostNodes) values, possibly because aliases multiply",
                hint: "replace aliases by the values themselves", place)
        } catch let error as YamlError {
            let problem = YamlProblem(error, map)
            if problem.isDepth {
                let place = Nesting.place(in: text, deeperThan: deepestNesting)
                return failure(tooDeep.message, hint: tooDeep.hint, place)
            }
            return failure(problem.message, hint: problem.hint, problem.place)
        } catch {
            return failure("can't be parsed: \(error)")
        }
    }

    private static func convert(
        _ node: Node, depth: Int, budget: inout Int, _ location: (Mark?) -> SourcePosition
    ) -> DocumentNode? {
        budget -= 1
        let place = location(node.mark)
        guard budget > 0, depth <= deepestNesting else { return nil }
        switch node {
        case .scalar(let scalar):
            let value = scalar.style == .plain ? resolve(scalar.string) : .string(scalar.string)
            return .scalar(value, place)
        case .sequence(let sequence):
            var elements: [DocumentNode] = []
            for element in sequence {
                guard let element = convert(element, depth: depth + 1, budget: &budget, location) else { return nil }
                elements.append(element)
            }
            return .list(elements, place)
        case .mapping(let mapping):
            var members: [DocumentNode.Member] = []
            for (key, value) in mapping {
                guard let value = convert(value, depth: depth + 1, budget: &budget, location) else { return nil }
                members.append(
                    DocumentNode.Member(
                        key: key.scalar?.string ?? "?", keyLocation: location(key.mark), value: value))
            }
            return .mapping(members, place)
        case .alias:
            return .scalar(.null, place)
        }
    }

    /// Resolves a plain scalar by the YAML 1.2 core schema, where `no` and `on` are text.
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

    /// Replaces JSON surrogate pairs (`\uD83D\uDE00`) by YAML escapes (`\U0001F600`), as YAML does not combine pairs.
    /// - Returns: The text, and the offsets in it, in Unicode scalars, where replaced pairs end.
    static func joiningSurrogates(_ text: String) -> (text: String, joins: [Int]) {
        guard text.contains("\\ud") || text.contains("\\uD") else { return (text, []) }
        let scalars = Array(text.unicodeScalars)
        var (result, joins) = (String.UnicodeScalarView(), [Int]())
        var (index, count) = (0, 0)
        while index < scalars.count {
            if let high = surrogate(in: scalars, at: index, 0xD800..<0xDC00),
                let low = surrogate(in: scalars, at: index + 6, 0xDC00..<0xE000)
            {
                let digits = String(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), radix: 16)
                result.append(
                    contentsOf: ("\\U" + String(repeating: "0", count: 8 - digits.count) + digits).unicodeScalars)
                count += 10
                joins.append(count)
                index += 12
            } else {
                // Copy an escape as a unit, so that its second backslash does not start another escape.
                let end = min(scalars.count, index + (scalars[index] == "\\" ? 2 : 1))
                result.append(contentsOf: scalars[index..<end])
                count += end - index
                index = end
            }
        }
        return (String(result), joins)
    }

    /// The value of the escape `\uXXXX` at `index`; nil if there is none or its value is outside `range`.
    private static func surrogate(in scalars: [Unicode.Scalar], at index: Int, _ range: Range<UInt32>) -> UInt32? {
        guard index + 6 <= scalars.count, scalars[index] == "\\", scalars[index + 1] == "u" else { return nil }
        let digits = scalars[(index + 2)..<(index + 6)]
        guard digits.allSatisfy(\.properties.isASCIIHexDigit) else { return nil }
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16).flatMap { range.contains($0) ? $0 : nil }
    }
}
