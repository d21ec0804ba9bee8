/// A stage as a child describes it.
public struct StageDescription: Sendable, Hashable, Codable {
    /// The name in pipeline files.
    public var name: StageName
    public var summary: String
    /// Increased when the same input and options would give a different output; 1 if left out.
    public var version: Int
    public var effect: Effect
    public var resource: Resource
    public var input: ArtifactKind
    public var output: ArtifactKind
    /// The JSON Schema (2020-12) of the options object.
    public var options: JSONValue

    /// Describes a stage that is linked into this program.
    public init(_ type: StageDefinition) {
        name = type.name
        summary = type.summary
        version = type.version
        effect = type.effect
        resource = type.resource
        input = type.input
        output = type.output
        options = type.optionsSchema
    }

    private enum CodingKeys: String, CodingKey {
        case name, summary, version, effect, resource, input, output, options
    }

    /// Decodes a description; names and kinds are plain strings.
    /// - Throws: `DecodingError` for missing fields and unknown effects or resources.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = StageName(rawValue: try container.decode(String.self, forKey: .name))
        summary = try container.decode(String.self, forKey: .summary)
        version = try container.decodeIfPresent(Int.self, forKey: .version) ?? 1
        effect = try container.decode(Effect.self, forKey: .effect)
        resource = try container.decode(Resource.self, forKey: .resource)
        input = ArtifactKind(rawValue: try container.decode(String.self, forKey: .input))
        output = ArtifactKind(rawValue: try container.decode(String.self, forKey: .output))
        options =
            try container.decodeIfPresent(JSONValue.self, forKey: .options)
            ?? ["type": "object", "additionalProperties": false]
    }

    /// Encodes the description; names and kinds are plain strings.
    /// - Throws: `EncodingError` if the schema contains a number that JSON can't represent.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name.rawValue, forKey: .name)
        try container.encode(summary, forKey: .summary)
        try container.encode(version, forKey: .version)
        try container.encode(effect, forKey: .effect)
        try container.encode(resource, forKey: .resource)
        try container.encode(input.rawValue, forKey: .input)
        try container.encode(output.rawValue, forKey: .output)
        try container.encode(options, forKey: .options)
    }
}
