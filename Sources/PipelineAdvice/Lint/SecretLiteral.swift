import PipelineFile
import PipelineKit

/// A value of a secret option in a pipeline file.
struct SecretLiteral {
    /// The name of the stage type, as in `uses`.
    var stage: String
    var option: String
    /// The text before substitution.
    var value: String
    var location: SourcePosition
    /// The JSON pointer to the option.
    var pointer: String

    /// Whether the file contains the value itself instead of a variable.
    var isInClear: Bool { !value.contains("${") }

    /// Finds all values of secret options before substitution. Works on pipelines with errors, too.
    static func all(in document: PipelineDocument, stages: [StageDefinition]) -> [SecretLiteral] {
        var found: [SecretLiteral] = []
        for (index, node) in document.stageNodes.enumerated() {
            guard let name = node.text("uses"), let type = stages.first(where: { $0.name.rawValue == name }) else {
                continue
            }
            for option in type.options where option.isSecret {
                guard let member = node.member("with")?.value.member(option.name) else { continue }
                found += texts(in: member.value, schema: option.type.schema).map { text, location in
                    SecretLiteral(
                        stage: name, option: option.name, value: text, location: location,
                        pointer: "/stages/\(index)/with/\(option.name)")
                }
            }
        }
        return found
    }

    /// The texts in a value. In objects, skips members whose schema contains nothing `writeOnly`.
    private static func texts(in node: DocumentNode, schema: JSONValue?) -> [(text: String, location: SourcePosition)] {
        switch node {
        case .scalar(let value, let location):
            guard let text = text(value), !text.isEmpty else { return [] }
            return [(text, location)]
        case .list(let elements, _): return elements.flatMap { texts(in: $0, schema: schema?["items"]) }
        case .mapping(let members, _):
            let properties = schema?["writeOnly"] == true ? nil : schema?["properties"]
            return members.flatMap { member -> [(text: String, location: SourcePosition)] in
                let schema = properties?[member.key]
                // Members next to the secret, such as a URL, are not secret.
                return schema.map(holdsSecret) ?? true ? texts(in: member.value, schema: schema) : []
            }
        }
    }

    private static func holdsSecret(_ schema: JSONValue) -> Bool {
        switch schema {
        case .object(let members): members["writeOnly"] == true || members.values.contains(where: holdsSecret)
        case .array(let elements): elements.contains(where: holdsSecret)
        default: false
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer, .number: try? value.text()
        default: nil
        }
    }
}
