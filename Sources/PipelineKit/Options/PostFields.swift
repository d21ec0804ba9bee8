/// Values of one's own for the title's placeholders: `{"episode": 12, "guest": null}`.
///
/// One that is `null` has to be given by each asset's sidecar.
public struct PostFields: OptionValue, Hashable {
    /// The values by name; nil for those that a sidecar has to give.
    public var values: [String: String?]

    /// Fields.
    public init(_ values: [String: String?] = [:]) { self.values = values }

    /// Names that the title has already.
    public static let taken = ["name", "date", "part", "parts"]

    /// An object of texts, numbers, truths or null.
    public static var optionType: OptionType {
        OptionType(
            name: "fields",
            schema: [
                "type": "object", "additionalProperties": ["type": ["string", "number", "boolean", "null"]],
                "propertyNames": [
                    "pattern": #"^[A-Za-z][A-Za-z0-9_-]*$"#, "not": ["enum": .array(taken.map(JSONValue.string))],
                ],
                "examples": [["episode": 12, "guest": .null]],
            ])
    }

    /// Reads an object; `--post` gives it as JSON.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> PostFields {
        let wanted = #"an object of texts, numbers or null, such as {"episode": 12}"#
        guard case .object(let members) = value else { throw .wrongType(wanted, got: value) }
        var values: [String: String?] = [:]
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard name.wholeMatch(of: /[A-Za-z][A-Za-z0-9_-]*/) != nil else {
                throw OptionProblem(
                    "wrong-type", "has a field \"\(name)\", and names are made of letters, digits, - and _")
            }
            guard !taken.contains(name) else {
                throw OptionProblem("wrong-type", "can't set \"\(name)\", which the program fills", hint: "rename it")
            }
            switch value {
            case .null: values[name] = .some(nil)
            case .string(let text): values[name] = text
            case .integer(let number): values[name] = "\(number)"
            case .number(let number): values[name] = "\(number)"
            case .bool(let truth): values[name] = "\(truth)"
            case .array, .object: throw .wrongType("a text, a number or null for \"\(name)\"", got: value)
            }
        }
        return PostFields(values)
    }

    /// As an object of texts.
    public var optionJSON: JSONValue { .object(values.mapValues { $0.map(JSONValue.string) ?? .null }) }
}
