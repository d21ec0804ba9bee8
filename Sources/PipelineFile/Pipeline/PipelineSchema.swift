public import PipelineKit

/// Generates the JSON Schema (2020-12) of pipeline files from the registered stages.
public enum PipelineSchema {
    /// The schema of pipelines that use the stages of `registry`.
    public static func schema(for registry: StageRegistry) -> JSONValue {
        [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "spreader-pipeline file",
            "type": "object", "additionalProperties": false, "required": ["stages"],
            "properties": [
                "$schema": ["type": "string"],
                "name": ["type": "string", "description": "Name of the pipeline; by default the file name."],
                "description": ["type": "string", "description": "For readers."],
                "inputs": [
                    "description": "Footage: paths, folders or patterns, relative to the current folder.",
                    "type": ["array", "string"], "items": ["type": "string"],
                ],
                "account": ["type": "string", "default": "default", "description": "Name of the connected account."],
                "post": orVariable(PostSettings.schema),
                "stages": [
                    "type": "array", "minItems": 1, "description": "The steps, in order.",
                    "items": stage(of: registry),
                ],
            ],
        ]
    }

    /// An element of `stages`. The value of `uses` decides which options `with` takes.
    private static func stage(of registry: StageRegistry) -> JSONValue {
        [
            "type": "object", "required": ["uses"], "additionalProperties": false,
            "properties": [
                "uses": ["enum": .array(registry.stages.map { .string($0.name.rawValue) })],
                "id": ["type": "string", "description": "Another name for the stage, unique in the pipeline."],
                "with": ["type": "object", "description": "Options of the stage."],
                "retry": retry, "timeout": Duration.optionType.schema,
                "isolate": [
                    "type": "boolean", "default": false,
                    "description": "Whether the stage runs in a separate process.",
                ],
                "labels": [
                    "type": "array", "items": ["type": "string"],
                    "description": "Labels that a worker must offer (`worker --labels`) to run this stage of a job.",
                ],
            ],
            "allOf": .array(registry.stages.map(options)),
        ]
    }

    private static var retry: JSONValue {
        [
            "type": "object", "additionalProperties": false, "description": "When and how often to try again.",
            "properties": [
                "attempts": [
                    "type": "integer", "minimum": 1, "maximum": 100,
                    "description": "Total number of attempts; by default 5 for network stages, 1 for others.",
                ],
                "delay": Duration.optionType.schema, "maxDelay": Duration.optionType.schema,
            ],
        ]
    }

    /// The condition that ties the options of `stage` to its name in `uses`.
    private static func options(of stage: StageDefinition) -> JSONValue {
        [
            "if": ["properties": ["uses": ["const": .string(stage.name.rawValue)]]],
            "then": [
                "properties": [
                    "with": orVariable(stage.optionsSchema), "uses": ["description": .string(stage.summary)],
                ]
            ],
        ]
    }

    /// Also allows variables as values of an object's properties: `"crf": "${CRF:-19}"`.
    ///
    /// Only editors need this: the program checks values after substitution.
    private static func orVariable(_ object: JSONValue) -> JSONValue {
        guard case .object(var fields) = object, case .object(let properties)? = fields["properties"] else {
            return object
        }
        fields["properties"] = .object(properties.mapValues(alternatives))
        return .object(fields)
    }

    private static func alternatives(_ schema: JSONValue) -> JSONValue {
        guard case .object(let fields) = schema, !hasParts(fields), !takesAnyText(fields) else { return schema }
        var value = fields
        // Keep annotations at the top level, where editors look for them.
        var result: [String: JSONValue] = [:]
        for keyword in ["description", "default", "examples", "writeOnly"] {
            if let annotation = value.removeValue(forKey: keyword) { result[keyword] = annotation }
        }
        result["anyOf"] = [.object(value), ["type": "string", "pattern": "\\$\\{"]]
        return .object(result)
    }

    /// Whether values are lists or objects, in which only the parts can be variables.
    private static func hasParts(_ fields: [String: JSONValue]) -> Bool {
        fields["type"] == "object" || fields["type"] == "array"
    }

    /// Whether any text is valid, and thus also `${NAME}`.
    private static func takesAnyText(_ fields: [String: JSONValue]) -> Bool {
        let limits = ["enum", "const", "pattern", "format", "minLength", "maxLength", "anyOf", "oneOf", "allOf", "not"]
        return fields["type"] == "string" && limits.allSatisfy { fields[$0] == nil }
    }
}
