package import PipelineKit

/// JSON Schema (2020-12) of test-case files, for editors. `test` validates more than the schema can express.
package enum CaseSchema {
    package static var schema: JSONValue {
        let words = ["type": "object", "additionalProperties": ["type": ["string", "number", "boolean"]]] as JSONValue
        let paths = ["type": "object", "additionalProperties": ["type": "string"]] as JSONValue
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "spreader-pipeline cases",
            "type": "object", "additionalProperties": false, "required": ["cases"],
            "properties": [
                "$schema": ["type": "string"],
                "description": ["type": "string", "description": "For readers."],
                "pipeline": [
                    "type": "string",
                    "description":
                        "The pipeline, relative to this file; by default the one with the same name in its folder.",
                ],
                "environment": described(words, "Values for the pipeline's ${NAME}, for all cases."),
                "files": described(
                    paths, "Files or folders to copy into the case's folder: target path to source path."),
                "cases": ["type": "array", "minItems": 1, "items": pipelineCase(words, paths)],
            ],
            "$defs": ["expected": expected, "number": number, "text": text],
        ]
    }

    private static func pipelineCase(_ words: JSONValue, _ paths: JSONValue) -> JSONValue {
        [
            "type": "object", "additionalProperties": false, "required": ["name"],
            "properties": [
                "name": ["type": "string", "description": "Unique in the file."],
                "description": ["type": "string"],
                "input": ["anyOf": [["type": "string"], clip]],
                "sidecar": ["anyOf": [["type": "string"], PostSettings.schema]],
                "set": described(["type": "object"], "Options, such as \"transcode.crf\": 20."),
                "post": PostSettings.schema,
                "until": ["type": "string", "description": "The last stage to run."],
                "environment": words, "files": paths,
                "sandbox": [
                    "type": "object", "additionalProperties": false,
                    "properties": ["settings": ["type": "object"], "rules": ["type": "array"]],
                    "description": "Settings and fault rules of the sandbox.",
                ],
                "expect": expect,
            ],
        ]
    }

    private static var clip: JSONValue {
        let side: JSONValue = ["type": "integer", "minimum": 16, "maximum": 4096, "multipleOf": 2]
        return [
            "type": "object", "additionalProperties": false,
            "properties": [
                "name": [
                    "type": "string", "default": "clip.mp4",
                    "pattern": .string("\\.(\(CaseClip.endings.joined(separator: "|")))$"),
                ],
                "width": side, "height": side,
                "seconds": ["type": "number", "minimum": 0.1, "maximum": 120, "default": 1],
                "frameRate": ["type": "number", "minimum": 1, "maximum": 240, "default": 30],
                "sound": ["enum": [true, false, "silent"], "default": true],
                "rotation": ["enum": [0, 90, 180, 270], "default": 0],
                "codec": ["enum": .array(CaseClip.codecs.map(JSONValue.string)), "default": "h264"],
                "ready": ["type": "boolean", "description": "Whether the clip already meets the delivery spec."],
                "content": ["type": "string", "description": "The text of a file to use instead of a clip."],
            ],
        ]
    }

    private static var expect: JSONValue {
        let list: JSONValue = ["type": "array", "items": ["type": "string"]]
        let any: JSONValue = ["$ref": "#/$defs/expected"]
        let number: JSONValue = ["$ref": "#/$defs/number"]
        let text: JSONValue = ["$ref": "#/$defs/text"]
        var fields: [String: JSONValue] = [
            "code": text, "message": text, "strategy": text, "diagnostics": list, "files": list,
            "maxDuration": ["type": "number"],
            "post": [
                "type": "object", "additionalProperties": false,
                "properties": .object(
                    Dictionary(CaseReader.postKeys.map { ($0, any) }, uniquingKeysWith: { $1 })),
            ],
            "stages": ["type": "object", "additionalProperties": ["type": "object"]],
        ]
        for name in ["exit", "width", "height", "duration", "bytes", "frameRate", "posts"] { fields[name] = number }
        return ["type": "object", "additionalProperties": false, "properties": .object(fields)]
    }

    private static var expected: JSONValue {
        ["description": "A value, a condition, or an object of values and conditions."]
    }

    private static var number: JSONValue {
        [
            "anyOf": [
                ["type": "number"],
                [
                    "type": "object", "additionalProperties": false,
                    "properties": [
                        "atMost": ["type": "number"], "atLeast": ["type": "number"],
                        "between": ["type": "array", "items": ["type": "number"], "minItems": 2, "maxItems": 2],
                    ],
                ],
            ]
        ]
    }

    private static var text: JSONValue {
        [
            "anyOf": [
                ["type": "string"],
                [
                    "type": "object", "additionalProperties": false,
                    "properties": [
                        "matches": ["type": "string", "format": "regex"], "contains": ["type": "string"],
                    ],
                ],
            ]
        ]
    }

    private static func described(_ schema: JSONValue, _ words: String) -> JSONValue {
        guard case .object(var fields) = schema else { return schema }
        fields["description"] = .string(words)
        return .object(fields)
    }
}
