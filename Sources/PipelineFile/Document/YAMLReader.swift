import PipelineKit
import Yams

/// Parses YAML into nodes that carry their source locations.
struct YAMLReader {
    private let file: String
    private let map: PositionMap
    private var budget = DocumentLimits.nodes
    /// The position of the last node that has one.
    private var position = TextPosition.start

    private init(file: String, map: PositionMap) {
        self.file = file
        self.map = map
    }

    /// Returns the root node; nil if the document has none, as in a file of comments.
    static func read(_ text: String, file: String) throws(SyntaxProblem) -> DocumentNode? {
        if let position = Nesting.aliasedKey(in: text) {
            throw SyntaxProblem(
                "many aliases, and a key that may contain aliases", hint: "write the key in full", at: position)
        }
        let map = PositionMap(text)
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            let problem = SyntaxProblem(error, map: map)
            // The parser's own limit on nesting.
            guard problem.message.hasPrefix("Maximum nesting level") else { throw problem }
            throw .tooDeep(at: Nesting.position(in: text, deeperThan: DocumentLimits.depth))
        } catch {
            throw SyntaxProblem("can't be parsed: \(error)", at: .start)
        }
        guard let root else { return nil }
        var reader = YAMLReader(file: file, map: map)
        return try reader.convert(root, depth: 0)
    }

    private mutating func location(of mark: Mark?) -> SourcePosition {
        if let mark { position = map.position(line: mark.line, column: mark.column) }
        return SourcePosition(file: file, line: position.line, column: position.column)
    }

    private mutating func convert(_ node: Node, depth: Int) throws(SyntaxProblem) -> DocumentNode {
        budget -= 1
        let location = location(of: node.mark)
        guard budget > 0 else { throw .tooManyNodes(at: position) }
        guard depth <= DocumentLimits.depth else { throw .tooDeep(at: position) }
        switch node {
        case .scalar(let scalar):
            return .scalar(scalar.style == .plain ? Self.value(of: scalar.string) : .string(scalar.string), location)
        case .sequence(let sequence):
            var elements: [DocumentNode] = []
            for element in sequence { elements.append(try convert(element, depth: depth + 1)) }
            return .list(elements, location)
        case .mapping(let mapping):
            var members: [DocumentNode.Member] = []
            for (key, value) in mapping {
                let value = try convert(value, depth: depth + 1)
                members.append(
                    DocumentNode.Member(
                        key: key.scalar?.string ?? "?", keyLocation: self.location(of: key.mark), value: value))
            }
            return .mapping(members, location)
        case .alias:
            return .scalar(.null, location)
        }
    }

    /// The value of a plain scalar in the YAML 1.2 core schema, where `no` and `on` are text.
    private static func value(of text: String) -> JSONValue {
        switch text {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        default:
            // Swift also parses words such as "inf" and "0x1p3".
            guard let first = text.first, first.isNumber || "+-.".contains(first),
                text.allSatisfy({ $0.isNumber || "+-.eE".contains($0) })
            else { return .string(text) }
            return JSONReader.number(text) ?? .string(text)
        }
    }
}
