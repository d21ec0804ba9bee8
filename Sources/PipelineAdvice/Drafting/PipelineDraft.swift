import Foundation
import PipelineKit

/// The answers from which `init` writes a pipeline file.
package struct PipelineDraft: Sendable, Hashable {
    /// The destination of the footage.
    package enum Kind: String, Sendable, CaseIterable {
        /// A published post on the creator's profile.
        case post
        /// A draft in the creator's inbox.
        case draft
        /// A local folder; posts nothing.
        case prepare
    }

    package var kind = Kind.post
    package var name: String
    /// The inputs: files, folders or patterns.
    package var footage = ["footage/*"]
    package var account = "default"
    /// The caption; may contain placeholders.
    package var title = "{{ name }}"
    /// The audience: a raw value of `PrivacyLevel`.
    package var privacy = PrivacyLevel.selfOnly.rawValue
    /// The handling of footage with another aspect ratio: `crop`, `pad` or `blur`.
    package var fit = "blur"
    /// The longest duration of a delivery.
    package var maxDuration = "60s"
    /// The folder for finished files; nil for no export.
    package var export: String?

    /// A draft with default answers.
    package init(name: String) { self.name = name }

    /// The file name of the JSON Schema, in the folder of the pipeline file.
    package static let schemaFile = "pipeline.schema.json"
    /// The environment variable that overrides the audience of a public pipeline.
    package static let privacySetting = "PRIVACY"

    /// Whether even trial runs would be visible to everyone.
    package var isPublic: Bool { kind == .post && privacy == PrivacyLevel.publicToEveryone.rawValue }

    /// The content of the pipeline file.
    package func text(isYAML: Bool) -> String { isYAML ? yaml : json }

    private var description: String {
        switch kind {
        case .post: "Posts footage to TikTok."
        case .draft: "Sends footage to the creator's inbox as drafts."
        case .prepare: "Prepares files that are ready to post. Needs no account."
        }
    }

    /// The audience; a public one can be overridden by an environment variable, so that trial runs need not be public.
    private var audience: String { isPublic ? "${\(Self.privacySetting):-\(privacy)}" : Self.literal(privacy) }

    private var postMembers: [(key: String, value: String)] {
        switch kind {
        case .post: [("title", Self.quoted(Self.literal(title))), ("privacyLevel", Self.quoted(audience))]
        case .draft: [("mode", Self.quoted("inbox"))]
        case .prepare: []
        }
    }

    /// The stages with their options and a comment for readers of the YAML file.
    private var stages: [(uses: String, with: [(key: String, value: String)], note: String)] {
        var transcode = [
            ("aspect", Self.quoted("9:16")), ("fit", Self.quoted(Self.literal(fit))),
            ("maxDuration", Self.quoted(Self.literal(maxDuration))), ("loudness", "-14"),
        ]
        // Cropping removes much of the frame: write down which part is kept.
        if fit == "crop" { transcode.insert(("focus", Self.quoted("center")), at: 2) }
        var stages: [(uses: String, with: [(key: String, value: String)], note: String)] = [
            ("probe", [], "inspects the footage"),
            ("transcode", transcode, "encodes once, or not at all if the footage already fits"),
        ]
        if let folder = export ?? (kind == .prepare ? "out" : nil) {
            stages.append(("export", [("directory", Self.quoted(Self.literal(folder)))], "copies the result for you"))
        }
        if kind != .prepare {
            stages.append(("chunk", [], "computes the byte ranges of the upload"))
            stages.append(("upload", [], "creates the post and sends the bytes; the last byte publishes it"))
            stages.append(("publish", [], "waits for TikTok to confirm the post"))
        }
        return stages
    }

    private var json: String {
        var lines = [
            "{", "  \"$schema\": \(Self.quoted("./\(Self.schemaFile)")),",
            "  \"name\": \(Self.quoted(Self.literal(name))),", "  \"description\": \(Self.quoted(description)),",
            "  \"inputs\": [\(footage.map { Self.quoted(Self.literal($0)) }.joined(separator: ", "))],",
        ]
        if kind != .prepare {
            lines.append("  \"account\": \(Self.quoted(Self.literal(account))),")
            lines.append("  \"post\": \(Self.object(postMembers)),")
        }
        lines.append("  \"stages\": [")
        let steps = stages.map { stage in
            let with = stage.with.isEmpty ? "" : ", \"with\": \(Self.object(stage.with))"
            return "    { \"uses\": \(Self.quoted(stage.uses))\(with) }"
        }
        lines.append(steps.joined(separator: ",\n"))
        return (lines + ["  ]", "}", ""]).joined(separator: "\n")
    }

    private var yaml: String {
        var lines = [
            "# yaml-language-server: $schema=./\(Self.schemaFile)", "$schema: ./\(Self.schemaFile)",
            "name: \(Self.quoted(Self.literal(name)))", "description: \(description)",
            "# Files, folders or patterns, relative to the current folder; inputs on the command line replace them.",
            "inputs:",
        ]
        lines += footage.map { "  - \(Self.quoted(Self.literal($0)))" }
        if kind != .prepare {
            lines.append("account: \(Self.quoted(Self.literal(account)))")
            lines.append(
                "# A sidecar next to the footage (clip.json, or clip.txt with only the title) overrides these settings."
            )
            lines.append("post:")
            lines += postMembers.map { "  \($0.key): \($0.value)" }
        }
        lines.append("stages:")
        for stage in stages {
            lines.append("  - uses: \(stage.uses)  # \(stage.note)")
            if !stage.with.isEmpty { lines.append("    with:") }
            lines += stage.with.map { "      \($0.key): \($0.value)" }
        }
        return (lines + [""]).joined(separator: "\n")
    }

    private static func object(_ members: [(key: String, value: String)]) -> String {
        "{ " + members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + " }"
    }

    /// Text with `${` escaped, to prevent substitution.
    private static func literal(_ text: String) -> String { text.replacing("${", with: "$${") }

    /// A quoted text that is valid in both JSON and YAML.
    private static func quoted(_ text: String) -> String { (try? JSONValue.string(text).text()) ?? "\"\"" }
}
