import Foundation
import PipelineKit

/// A pipeline that is about to be written: what `init` asks for.
package struct PipelineDraft: Sendable, Hashable {
    /// What becomes of the footage.
    package enum Kind: String, Sendable, CaseIterable {
        /// It is posted.
        case post
        /// It is sent to the creator's inbox.
        case draft
        /// It is prepared, and kept in a folder.
        case prepare
    }

    /// What becomes of the footage.
    package var kind = Kind.post
    /// The pipeline's name.
    package var name: String
    /// Files, folders or patterns.
    package var footage = ["footage/*"]
    /// The account's name.
    package var account = "default"
    /// The caption.
    package var title = "{{ name }}"
    /// Who may see the post.
    package var privacy = PrivacyLevel.selfOnly.rawValue
    /// What happens to a picture of another shape.
    package var fit = "blur"
    /// The longest delivery.
    package var maxDuration = "60s"
    /// The folder for finished files; nil for none.
    package var export: String?

    /// A draft with the usual answers.
    package init(name: String) { self.name = name }

    /// The file that the schema is expected in, beside the pipeline.
    package static let schemaFile = "pipeline.schema.json"
    /// The setting that overrides the audience where the file makes posts for everyone.
    package static let privacySetting = "PRIVACY"

    /// Whether trial runs would be seen by everyone.
    package var isPublic: Bool { kind == .post && privacy == PrivacyLevel.publicToEveryone.rawValue }

    /// The text of the file.
    package func text(isYAML: Bool) -> String { isYAML ? yaml : json }

    private var description: String {
        switch kind {
        case .post: "Footage to TikTok posts."
        case .draft: "Footage to drafts in the creator's inbox."
        case .prepare: "Footage to files that are ready to post. Needs no account."
        }
    }

    /// Who names everyone shall be able to try the file all the same.
    private var audience: String { isPublic ? "${\(Self.privacySetting):-\(privacy)}" : Self.literal(privacy) }

    private var postMembers: [(key: String, value: String)] {
        switch kind {
        case .post: [("title", Self.quoted(Self.literal(title))), ("privacyLevel", Self.quoted(audience))]
        case .draft: [("mode", Self.quoted("inbox"))]
        case .prepare: []
        }
    }

    /// The stages: names, options, and what a reader may want to know of them.
    private var stages: [(uses: String, with: [(key: String, value: String)], note: String)] {
        var transcode = [
            ("aspect", Self.quoted("9:16")), ("fit", Self.quoted(Self.literal(fit))),
            ("maxDuration", Self.quoted(Self.literal(maxDuration))), ("loudness", "-14"),
        ]
        // Which part is kept is said where much of the picture goes.
        if fit == "crop" { transcode.insert(("focus", Self.quoted("center")), at: 2) }
        var stages: [(uses: String, with: [(key: String, value: String)], note: String)] = [
            ("probe", [], "what is in the footage"),
            ("transcode", transcode, "one encode, or none when it fits already"),
        ]
        if let folder = export ?? (kind == .prepare ? "out" : nil) {
            stages.append(("export", [("directory", Self.quoted(Self.literal(folder)))], "a copy for you"))
        }
        if kind != .prepare {
            stages.append(("chunk", [], "the byte ranges that TikTok takes"))
            stages.append(("upload", [], "creates the post and sends the bytes; the last one publishes"))
            stages.append(("publish", [], "waits for TikTok's word"))
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
            "# Files, folders or patterns, relative to the current folder; names on the command line replace them.",
            "inputs:",
        ]
        lines += footage.map { "  - \(Self.quoted(Self.literal($0)))" }
        if kind != .prepare {
            lines.append("account: \(Self.quoted(Self.literal(account)))")
            lines.append("# A sidecar beside the footage (clip.json, or clip.txt with the title alone) overrides it.")
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

    /// Text that no environment fills.
    private static func literal(_ text: String) -> String { text.replacing("${", with: "$${") }

    /// Text as JSON and YAML both read it.
    private static func quoted(_ text: String) -> String { (try? JSONValue.string(text).text()) ?? "\"\"" }
}
