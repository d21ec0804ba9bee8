/// Custom values for placeholders in a post's title: `{"episode": 12, "guest": null}`.
///
/// A field that is `null` has no default: the sidecar of each asset must set it.
public struct PostFields: OptionValue, Hashable {
    /// The values by name; nil for fields that each asset's sidecar must set.
    public var values: [String: String?]

    public init(_ values: [String: String?] = [:]) { self.values = values }

    /// The names of built-in placeholders, which a field can't use.
    public static let reserved = ["name", "date", "part", "parts"]

    public static var optionType: OptionType {
        OptionType(
            name: "fields",
            schema: [
                "type": "object", "additionalProperties": ["type": ["string", "number", "boolean", "null"]],
                "propertyNames": [
                    "pattern": #"^[A-Za-z][A-Za-z0-9_-]*$"#, "not": ["enum": .array(reserved.map(JSONValue.string))],
                ],
                "examples": [["episode": 12, "guest": .null]],
            ])
    }

    /// Parses an object; on the command line, `--post` takes it as JSON. Numbers and booleans become text.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> PostFields {
        let expected = #"an object of text, numbers or null, such as {"episode": 12}"#
        guard case .object(let members) = value else { throw .wrongType(expected, got: value) }
        var values: [String: String?] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_-]*/) != nil else {
                throw OptionProblem(
                    "wrong-type", "has a field \"\(name)\"; use a letter, then letters, digits, - and _")
            }
            guard !reserved.contains(name) else {
                throw OptionProblem("wrong-type", "can't set \"\(name)\", a built-in placeholder", hint: "rename it")
            }
            switch value {
            case .null: values[name] = .some(nil)
            case .string(let text): values[name] = text
            case .integer(let number): values[name] = "\(number)"
            case .number(let number): values[name] = "\(number)"
            case .bool(let truth): values[name] = "\(truth)"
            case .array, .object: throw .wrongType("text, a number or null for \"\(name)\"", got: value)
            }
        }
        return PostFields(values)
    }

    public var optionJSON: JSONValue { .object(values.mapValues { $0.map(JSONValue.string) ?? .null }) }
}
