import Foundation
import PipelineKit

/// The options that a plugin's JSON Schema describes. The host checks values with it before it calls the plugin.
///
/// Supports these keywords of JSON Schema (2020-12): `type`, `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`,
/// `exclusiveMaximum`, `minLength`, `maxLength`, `pattern`, `items`, `minItems`, `maxItems`, `properties`, `required`,
/// `additionalProperties`, `anyOf`, `oneOf`, `allOf`, `default`, `description`, `writeOnly` (a secret) and the `format`
/// `path` (a file that decides the output). Leaves other keywords to the plugin's own `check`.
struct OptionSchema: Sendable {
    private let schema: JSONValue
    private let properties: [String: JSONValue]

    /// Creates the options from a schema; nil if it does not describe an object.
    init?(_ schema: JSONValue) {
        guard schema["type"] == nil || schema["type"] == "object" else { return nil }
        self.schema = schema
        if case .object(let members)? = schema["properties"] { properties = members } else { properties = [:] }
    }

    /// The options, sorted by name.
    var descriptors: [OptionDescriptor] {
        properties.sorted { $0.key < $1.key }.map { name, schema in
            let choices = Self.list(schema["enum"]).map(Self.shown)
            let isSecret = Self.holdsSecret(schema)
            return OptionDescriptor(
                name: name, type: OptionType(name: Self.typeName(of: schema), schema: schema, choices: choices),
                documentation: schema["description"]?.stringValue ?? "",
                defaultValue: isSecret ? .null : schema["default"] ?? .null, minimum: schema["minimum"] ?? .null,
                maximum: schema["maximum"] ?? .null, isSecret: isSecret)
        }
    }

    /// The paths in options of format `path`, resolved against the current folder.
    func paths(in object: [String: JSONValue]) -> [String] {
        let folder = URL(filePath: FileManager.default.currentDirectoryPath)
        let paths = values(of: object).sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
            if properties[name]?["format"] == "path" { return [value.stringValue].compactMap(\.self) }
            guard properties[name]?["items"]?["format"] == "path", case .array(let elements) = value else { return [] }
            return elements.compactMap(\.stringValue)
        }
        return paths.filter { !$0.isEmpty }.map { path in
            (path.hasPrefix("/") ? URL(filePath: path) : folder.appending(path: path)).standardizedFileURL.path
        }
    }

    /// Whether a value, or any part of it, is secret.
    private static func holdsSecret(_ schema: JSONValue) -> Bool {
        switch schema {
        case .object(let members): members["writeOnly"] == true || members.values.contains(where: holdsSecret)
        case .array(let elements): elements.contains(where: holdsSecret)
        default: false
        }
    }

    /// The value of every option: as written, or its default.
    func values(of object: [String: JSONValue]) -> [String: JSONValue] {
        properties.compactMapValues { $0["default"] }.merging(object) { $1 }
    }

    /// The required options that are missing.
    func missing(in object: [String: JSONValue]) -> [String] {
        Self.list(schema["required"]).compactMap(\.stringValue).filter { object[$0] == nil }
    }

    /// Returns every problem of an options object, except for missing options.
    func findings(in object: [String: JSONValue]) -> [OptionFinding] { findings(in: object, hidesValues: false) }

    /// Returns every problem of an object that is an option's value.
    /// - Parameter hidesValues: Whether the value is secret.
    func findings(in object: [String: JSONValue], hidesValues: Bool) -> [OptionFinding] {
        func finding(_ key: String, value: JSONValue, schema: JSONValue) -> OptionFinding? {
            SchemaCheck(hidesValues: hidesValues || Self.holdsSecret(schema)).problem(with: value, against: schema)
                .map { OptionFinding(key: key, concernsKey: false, problem: $0) }
        }
        return object.sorted { $0.key < $1.key }.compactMap { key, value in
            if let schema = properties[key] { return finding(key, value: value, schema: schema) }
            return switch schema["additionalProperties"] {
            case nil, .bool(false): .unknownKey(key, known: properties.keys.sorted())
            case .bool(true): nil
            case let schema?: finding(key, value: value, schema: schema)
            }
        }
    }

    // MARK: Helpers

    static func list(_ value: JSONValue?) -> [JSONValue] {
        guard case .array(let elements)? = value else { return [] }
        return elements
    }

    static func shown(_ value: JSONValue) -> String {
        value.stringValue.map { "\"\($0)\"" } ?? (try? value.text()) ?? value.kind
    }

    private static func typeName(of schema: JSONValue) -> String {
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
}
