import Foundation
import PipelineKit

/// Options as a plugin's JSON Schema describes them: what can be told of a value before the plugin is asked.
///
/// Of JSON Schema (2020-12) it knows `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`,
/// `exclusiveMaximum`, `minLength`, `maxLength`, `pattern`, `items`, `minItems`, `maxItems`, `properties`, `required`,
/// `additionalProperties`, `anyOf`, `oneOf`, `allOf`, `default`, `description`, `writeOnly` (a secret) and the `format`
/// `path` (a file that decides the output). Other words are left to the plugin's own `check`.
struct OptionSchema: Sendable {
    private let schema: JSONValue
    private let properties: [String: JSONValue]

    /// A schema; nil when it is not that of an object.
    init?(_ schema: JSONValue) {
        guard schema["type"] == nil || schema["type"] == "object" else { return nil }
        self.schema = schema
        if case .object(let members)? = schema["properties"] { properties = members } else { properties = [:] }
    }

    /// The options, by name.
    var descriptors: [OptionDescriptor] {
        properties.sorted { $0.key < $1.key }.map { name, schema in
            let choices = Self.list(schema["enum"]).map(Self.shown)
            let isSecret = Self.holdsSecret(schema)
            return OptionDescriptor(
                name: name, type: OptionType(name: Self.word(for: schema), schema: schema, choices: choices),
                documentation: schema["description"]?.stringValue ?? "",
                defaultValue: isSecret ? .null : schema["default"] ?? .null, minimum: schema["minimum"] ?? .null,
                maximum: schema["maximum"] ?? .null, isSecret: isSecret)
        }
    }

    /// Files that options name: those of the format `path`, relative to the current folder.
    func paths(in object: [String: JSONValue]) -> [String] {
        let folder = URL(filePath: FileManager.default.currentDirectoryPath)
        let named = values(of: object).sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
            if properties[name]?["format"] == "path" { return [value.stringValue].compactMap(\.self) }
            guard properties[name]?["items"]?["format"] == "path", case .array(let elements) = value else { return [] }
            return elements.compactMap(\.stringValue)
        }
        return named.filter { !$0.isEmpty }.map { path in
            (path.hasPrefix("/") ? URL(filePath: path) : folder.appending(path: path)).standardizedFileURL.path
        }
    }

    /// Whether a value, or any part of it, must not be shown.
    private static func holdsSecret(_ schema: JSONValue) -> Bool {
        switch schema {
        case .object(let members): members["writeOnly"] == true || members.values.contains(where: holdsSecret)
        case .array(let elements): elements.contains(where: holdsSecret)
        default: false
        }
    }

    /// Every option with its value: as written, or its default.
    func values(of object: [String: JSONValue]) -> [String: JSONValue] {
        properties.compactMapValues { $0["default"] }.merging(object) { $1 }
    }

    /// Options that must be there and are not.
    func missing(in object: [String: JSONValue]) -> [String] {
        Self.list(schema["required"]).compactMap(\.stringValue).filter { object[$0] == nil }
    }

    /// All that is wrong with the options that are written.
    func findings(in object: [String: JSONValue]) -> [OptionFinding] {
        object.sorted { $0.key < $1.key }.compactMap { key, value in
            guard let schema = properties[key] else {
                switch self.schema["additionalProperties"] {
                case nil, .bool(false): break
                case .bool(true): return nil
                case let schema?:
                    return Self.problem(with: value, schema).map {
                        OptionFinding(key: key, concernsKey: false, problem: $0)
                    }
                }
                let names = properties.keys.sorted()
                let hint =
                    NearestName.of(key, in: names).map { "did you mean \"\($0)\"?" }
                    ?? (names.isEmpty ? "it takes no options" : "known: \(names.joined(separator: ", "))")
                return OptionFinding(
                    key: key, concernsKey: true,
                    problem: OptionProblem("unknown-key", "unknown key \"\(key)\"", hint: hint))
            }
            return Self.problem(with: value, schema).map { OptionFinding(key: key, concernsKey: false, problem: $0) }
        }
    }

    // MARK: One value

    private static func problem(with value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        let types = schema["type"].map { $0.stringValue.map { [$0] } ?? list($0).compactMap(\.stringValue) } ?? []
        if !types.isEmpty, !types.contains(where: { value.isA($0) }) {
            return .wrongType(types.map(name(ofType:)).joined(separator: " or "), got: value)
        }
        let choices = list(schema["enum"])
        if !choices.isEmpty, !choices.contains(value) {
            let words = choices.map(shown)
            let near = value.stringValue.flatMap { NearestName.of($0, in: words) }
            return OptionProblem(
                "unknown-choice", "takes one of \(words.joined(separator: ", ")), not \(shown(value))",
                hint: near.map { "did you mean \"\($0)\"?" })
        }
        if let only = schema["const"], only != value {
            return OptionProblem("unknown-choice", "takes \(shown(only)), not \(shown(value))")
        }
        return limits(value, schema) ?? parts(value, schema) ?? alternatives(value, schema)
    }

    private static func limits(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        func outside(_ words: String) -> OptionProblem {
            OptionProblem("out-of-range", "must be \(words), not \(shown(value))")
        }
        if let number = value.doubleValue {
            let (least, most) = (schema["minimum"]?.doubleValue, schema["maximum"]?.doubleValue)
            if number < least ?? -.infinity || number > most ?? .infinity {
                if let least, let most { return outside("between \(plain(least)) and \(plain(most))") }
                return outside(least.map { "at least \(plain($0))" } ?? "at most \(plain(most ?? 0))")
            }
            if let bound = schema["exclusiveMinimum"]?.doubleValue, number <= bound {
                return outside("more than \(plain(bound))")
            }
            if let bound = schema["exclusiveMaximum"]?.doubleValue, number >= bound {
                return outside("less than \(plain(bound))")
            }
        }
        if let text = value.stringValue {
            let length = text.unicodeScalars.count
            if let least = schema["minLength"]?.integerValue, length < least {
                return least == 1 ? OptionProblem("out-of-range", "is empty") : outside("at least \(least) characters")
            }
            if let most = schema["maxLength"]?.integerValue, length > most {
                return outside("at most \(most) characters")
            }
            if let pattern = schema["pattern"]?.stringValue, let expression = try? Regex(pattern),
                (try? expression.firstMatch(in: text)) == nil
            {
                return OptionProblem("wrong-type", "\(shown(value)) does not match \(pattern)")
            }
        }
        return nil
    }

    private static func parts(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        if case .array(let elements) = value {
            if let least = schema["minItems"]?.integerValue, elements.count < least {
                return OptionProblem("out-of-range", "takes at least \(least) values, not \(elements.count)")
            }
            if let most = schema["maxItems"]?.integerValue, elements.count > most {
                return OptionProblem("out-of-range", "takes at most \(most) values, not \(elements.count)")
            }
            if let each = schema["items"] {
                for (index, element) in elements.enumerated() {
                    if let inner = problem(with: element, each) { return within("value \(index + 1)", inner) }
                }
            }
        }
        if case .object(let members) = value, schema["properties"] != nil, let inner = OptionSchema(schema) {
            if let finding = inner.findings(in: members).first {
                return finding.concernsKey ? finding.problem : within("\"\(finding.key)\"", finding.problem)
            }
            if let name = inner.missing(in: members).first {
                return OptionProblem("missing-key", "needs \"\(name)\"")
            }
        }
        return nil
    }

    private static func alternatives(_ value: JSONValue, _ schema: JSONValue) -> OptionProblem? {
        for part in list(schema["allOf"]) {
            if let problem = problem(with: value, part) { return problem }
        }
        for word in ["anyOf", "oneOf"] {
            let problems = list(schema[word]).map { problem(with: value, $0) }
            if !problems.isEmpty, !problems.contains(where: { $0 == nil }) { return problems[0] }
        }
        return nil
    }

    private static func within(_ place: String, _ problem: OptionProblem) -> OptionProblem {
        OptionProblem(problem.code, "\(place) \(problem.message)", hint: problem.hint)
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        guard case .array(let elements)? = value else { return [] }
        return elements
    }

    private static func shown(_ value: JSONValue) -> String {
        value.stringValue.map { "\"\($0)\"" } ?? (try? value.text()) ?? value.kind
    }

    private static func plain(_ number: Double) -> String {
        Int64(exactly: number).map { "\($0)" } ?? "\(number)"
    }

    private static func word(for schema: JSONValue) -> String {
        let choices = list(schema["enum"])
        if !choices.isEmpty { return choices.map { $0.stringValue ?? shown($0) }.joined(separator: "|") }
        switch schema["type"]?.stringValue {
        case "string": return String.optionType.name
        case "boolean": return Bool.optionType.name
        case "array": return "list"
        case let type?: return type
        case nil: return "value"
        }
    }

    private static func name(ofType type: String) -> String {
        switch type {
        case "string": "text"
        case "boolean": "true or false"
        case "integer": "an integer"
        case "number": "a number"
        case "array": "a list"
        case "object": "an object"
        default: type
        }
    }
}

extension JSONValue {
    /// Whether it is of a type of JSON Schema.
    fileprivate func isA(_ type: String) -> Bool {
        switch type {
        case "null": self == .null
        case "boolean": boolValue != nil
        case "integer": integerValue != nil
        case "number": doubleValue != nil
        case "string": stringValue != nil
        case "array": if case .array = self { true } else { false }
        case "object": if case .object = self { true } else { false }
        default: true
        }
    }
}
