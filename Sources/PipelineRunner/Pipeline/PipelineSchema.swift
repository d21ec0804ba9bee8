public import PipelineKit

/// JSON Schema (2020-12) of pipeline files, made from the registered stages.
public enum PipelineSchema {
    /// The schema for pipelines of `registry`'s stages.
    public static func schema(for registry: StageRegistry) -> JSONValue {
        let name: JSONValue = ["enum": .array(registry.stages.map { .string($0.name.rawValue) })]
        let variants: [JSONValue] = registry.stages.map { stage in
            [
                "if": ["properties": ["uses": ["const": .string(stage.name.rawValue)]]],
                "then": ["properties": ["with": stage.optionsSchema, "uses": ["description": .string(stage.summary)]]],
            ]
        }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "spreader-pipeline file",
            "type": "object", "additionalProperties": false, "required": ["stages"],
            "properties": [
                "$schema": ["type": "string"],
                "name": ["type": "string", "description": "Name of the pipeline; the file's name when left out."],
                "description": ["type": "string", "description": "For readers."],
                "inputs": [
                    "description": "Footage: paths, folders or patterns, relative to the current folder.",
                    "type": ["array", "string"], "items": ["type": "string"],
                ],
                "account": ["type": "string", "default": "default", "description": "Name of the connected account."],
                "post": PostSettings.schema,
                "stages": [
                    "type": "array", "minItems": 1, "description": "The steps, in order.",
                    "items": [
                        "type": "object", "required": ["uses"], "additionalProperties": false,
                        "properties": [
                            "uses": name,
                            "id": [
                                "type": "string", "description": "Another name for the stage, unique in the pipeline.",
                            ],
                            "with": ["type": "object", "description": "Options of the stage."],
                            "retry": [
                                "type": "object", "additionalProperties": false,
                                "description": "When and how often to try again.",
                                "properties": [
                                    "attempts": [
                                        "type": "integer", "minimum": 1, "maximum": 100,
                                        "description": "Attempts in all; 5 for network stages, 1 for others.",
                                    ],
                                    "delay": Duration.optionType.schema, "maxDelay": Duration.optionType.schema,
                                ],
                            ],
                            "timeout": Duration.optionType.schema,
                            "isolate": [
                                "type": "boolean", "default": false,
                                "description": "Whether its work is done in a process of its own.",
                            ],
                            "labels": [
                                "type": "array", "items": ["type": "string"],
                                "description":
                                    "What a worker must offer (`worker --labels`) to do this stage of a job.",
                            ],
                        ], "allOf": .array(variants),
                    ],
                ],
            ],
        ]
    }
}
