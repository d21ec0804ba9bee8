/// What a stage declares about itself. Child processes send it to their host.
public struct StageDescription: Sendable, Hashable, Codable {
    /// The name in pipeline files.
    public var name: StageName
    /// One sentence for lists and help texts.
    public var summary: String
    /// Part of the cache key; see ``Stage/version``. 1 if left out.
    public var version: Int
    public var effect: Effect
    public var resource: Resource
    /// The kind of artifact that the stage takes.
    public var input: ArtifactKind
    /// The kind of artifact that the stage returns.
    public var output: ArtifactKind
    /// The JSON Schema (2020-12) of the options object.
    public var optionsSchema: JSONValue

    /// Describes a stage that is linked into this program.
    public init<S: Stage>(_ type: S.Type) {
        name = S.name
        summary = S.summary
        version = S.version
        effect = S.effect
        resource = S.resource
        input = S.Input.kind
        output = S.Output.kind
        optionsSchema = S.Options.schema
    }

    private enum CodingKeys: String, CodingKey {
        case name, summary, version, effect, resource, input, output, optionsSchema = "options"
    }

    /// Decodes a description; the version and the options may be left out.
    /// - Throws: `DecodingError` for missing fields and unknown effects or resources.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(StageName.self, forKey: .name)
        summary = try container.decode(String.self, forKey: .summary)
        version = try container.decodeIfPresent(Int.self, forKey: .version) ?? 1
        effect = try container.decode(Effect.self, forKey: .effect)
        resource = try container.decode(Resource.self, forKey: .resource)
        input = try container.decode(ArtifactKind.self, forKey: .input)
        output = try container.decode(ArtifactKind.self, forKey: .output)
        optionsSchema =
            try container.decodeIfPresent(JSONValue.self, forKey: .optionsSchema)
            ?? ["type": "object", "additionalProperties": false]
    }
}
