/// A stage as a child describes it.
public struct StageDescription: Sendable, Hashable, Codable {
    /// The name in pipeline files.
    public var name: StageName
    /// One sentence.
    public var summary: String
    /// Raised when the same input and options would give another output; 1 when left out.
    public var version: Int
    /// What running it twice would do.
    public var effect: Effect
    /// What it mostly uses.
    public var resource: Resource
    /// The kind of artifact that it takes.
    public var input: ArtifactKind
    /// The kind of artifact that it gives.
    public var output: ArtifactKind
    /// JSON Schema (2020-12) of its options: an object.
    public var options: JSONValue

    /// The description of a linked-in stage.
    public init(_ type: StageType) {
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

    /// Reads a description; kinds are written as plain names.
    /// - Throws: `DecodingError` for missing fields and unknown words.
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

    /// Writes the description.
    /// - Throws: `EncodingError` when the schema holds a number that JSON can't.
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
