import Foundation
package import PipelineKit
import Yams

/// Reads a pipeline file, JSON or YAML, into nodes that know their places.
///
/// JSON is read by the YAML parser, which keeps positions, and then by a JSON parser, so that a `.json` file is what
/// other tools can read too.
package enum DocumentLoader {
    package static let largestFile = 1_000_000
    static let deepestNesting = 100
    static let mostNodes = 100_000
    private static let tooDeep = (
        message: "nested more than \(deepestNesting) levels deep", hint: "a pipeline file needs no more than six"
    )

    /// The root node of `text`, or what is wrong with it.
    /// - Parameters:
    ///   - text: The file's content.
    ///   - file: Its name, for places; decides by extension whether it must be JSON.
    ///   - kind: What it is about.
    package static func load(
        _ text: String, file: String, kind: DocumentKind = .pipeline
    ) -> (root: DocumentNode?, findings: [Diagnostic]) {
        // Editors don't show a byte order mark, and count no column for it.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        func failure(
            _ message: String, hint: String? = nil, _ place: (line: Int, column: Int) = (1, 1)
        ) -> (root: DocumentNode?, findings: [Diagnostic]) {
            let location = SourceLocation(file: file, line: place.line, column: place.column)
            let hint = hint == StrictJSON.yaml && !kind.mayBeYAML ? nil : hint
            let words = hint?.replacing(DocumentKind.pipeline.name, with: kind.name)
            return (nil, [Diagnostic(code: "syntax", message, hint: words, location: location)])
        }
        guard text.utf8.count <= largestFile else {
            return failure("the file is larger than 1 MB", hint: "a pipeline file is a few kilobytes")
        }
        let isJSON = file.lowercased().hasSuffix(".json")
        let isBlank = text.allSatisfy(\.isWhitespace)
        // The JSON reader's words fit better than those of a parser that would have taken YAML, too.
        if isJSON, !isBlank, let wrong = StrictJSON.firstProblem(in: text, deepest: deepestNesting) {
            return failure(wrong.message, hint: wrong.hint, (wrong.line, wrong.column))
        }
        if !isJSON, let place = Nesting.aliasedKey(in: text) {
            return failure("many aliases, and a key that may hold some", hint: "write the key out", place)
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
                return SourceLocation(file: file, line: place.line, column: place.column)
            }
            if let root { return (root, []) }
            if budget > 0 { return failure(tooDeep.message, hint: tooDeep.hint, place) }
            return failure(
                "more than \(mostNodes) values: aliases that multiply?", hint: "write out what is meant", place)
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
        _ node: Node, depth: Int, budget: inout Int, _ location: (Mark?) -> SourceLocation
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

    /// JSON writes characters beyond U+FFFF as two escapes, which YAML does not join.
    /// - Returns: The text, and the offsets in it, in scalars, at which joined pairs end.
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
                // A backslash takes what follows it along: that begins no escape of its own.
                let end = min(scalars.count, index + (scalars[index] == "\\" ? 2 : 1))
                result.append(contentsOf: scalars[index..<end])
                count += end - index
                index = end
            }
        }
        return (String(result), joins)
    }

    /// The half of a character that `\uXXXX` at `index` stands for; nil for anything else.
    private static func surrogate(in scalars: [Unicode.Scalar], at index: Int, _ range: Range<UInt32>) -> UInt32? {
        guard index + 6 <= scalars.count, scalars[index] == "\\", scalars[index + 1] == "u" else { return nil }
        let digits = scalars[(index + 2)..<(index + 6)]
        guard digits.allSatisfy(\.properties.isASCIIHexDigit) else { return nil }
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16).flatMap { range.contains($0) ? $0 : nil }
    }
}
