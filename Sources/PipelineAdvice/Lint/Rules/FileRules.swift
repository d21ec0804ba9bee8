import PipelineFile
import PipelineKit

/// Rules about editing the file.
enum FileRules {
    static let all = [noSchema]

    static let noSchema = LintRule(
        .note, code: "no-schema", "Editors can't complete and validate a file without a schema."
    ) { subject in
        guard subject.pipeline != nil, let root = subject.root, root.member("$schema") == nil else { return [] }
        return [
            LintAdvice(
                "the file has no \"$schema\", so editors can't complete and validate it",
                hint:
                    "run spreader-pipeline schema --output pipeline.schema.json, and add \"$schema\": \"./pipeline.schema.json\"",
                at: root.location)
        ]
    }
}
