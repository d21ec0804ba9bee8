import Foundation
import PipelineKit

/// Builds a ``Pipeline`` from the nodes of a pipeline file and collects every finding.
struct PipelineReader {
    let registry: StageRegistry
    let file: String
    var findings: DocumentFindings
    /// All elements of `stages` in order, including those with errors.
    var links: [Link] = []

    /// An element of `stages`, to check how the stages fit together.
    struct Link {
        /// Empty if the element has no name.
        var id = ""
        /// Nil for an unknown stage.
        var type: StageDefinition?
        var location: SourcePosition

        /// Whether the user's `name` means this stage: its id or its type.
        func isNamed(_ name: String) -> Bool { id == name || type?.name.rawValue == name }
    }

    init(registry: StageRegistry, file: String, findings: DocumentFindings) {
        self.registry = registry
        self.file = file
        self.findings = findings
    }

    static let keys = ["$schema", "name", "description", "inputs", "account", "post", "stages"]

    mutating func read(_ root: DocumentNode, overrides: [PipelineOverride], until: String?) -> Pipeline? {
        guard let members = root.members else {
            findings.report("wrong-type", "a pipeline file is an object, not \(root.json.kind)", at: root.location)
            return nil
        }
        findings.checkKeys(of: members, known: Self.keys, pointer: "")
        let file = DocumentSection(node: root, pointer: "")
        let name = text("name", in: file) ?? URL(filePath: self.file).deletingPathExtension().lastPathComponent
        let account = text("account", in: file) ?? "default"
        let inputs = readInputs(root)
        let (post, postLocations) = readPost(root, overrides: overrides.filter { $0.stage == nil })
        var stages = readStages(root, overrides: overrides.filter { $0.stage != nil })
        if let until { stages = cut(stages, after: until) }
        checkChain()
        checkFanOut()
        checkTitle(of: post, at: postLocations["title"])
        return Pipeline(
            name: name, file: self.file, inputs: inputs, account: account, post: post, postLocations: postLocations,
            stages: stages)
    }

    // MARK: Inputs and post

    private mutating func readInputs(_ root: DocumentNode) -> [(pattern: String, location: SourcePosition)] {
        guard let member = root.member("inputs") else { return [] }
        let elements: [DocumentNode]
        switch member.value {
        case .list(let list, _): elements = list
        case .scalar(.string, _): elements = [member.value]
        default:
            findings.reportType(of: member, wanted: "a list of paths", pointer: "/inputs")
            return []
        }
        var inputs: [(pattern: String, location: SourcePosition)] = []
        for (index, element) in elements.enumerated() {
            if let pattern = element.json.stringValue, !pattern.isEmpty {
                inputs.append((pattern, element.location))
            } else {
                let kind = element.json == "" ? "empty" : element.json.kind
                findings.report(
                    "wrong-type", "an input is a path or a pattern such as \"footage/*.mov\", not \(kind)",
                    at: element.location, pointer: "/inputs/\(index)")
            }
        }
        return inputs
    }

    private mutating func readPost(
        _ root: DocumentNode, overrides: [PipelineOverride]
    ) -> (post: [String: JSONValue], locations: [String: SourcePosition]) {
        var post: [String: JSONValue] = [:]
        var locations: [String: SourcePosition] = [:]
        if let member = root.member("post") {
            if let members = member.value.members {
                checkOptions(members, pointer: "/post", check: PostSettings.findings(in:))
                for member in members {
                    post[member.key] = member.value.json
                    locations[member.key] = member.value.location
                }
            } else {
                findings.reportType(of: member, wanted: "an object", pointer: "/post")
            }
        }
        for override in overrides {
            let value = override.json(for: PostSettings.descriptors)
            for finding in PostSettings.findings(in: [override.key: value]) {
                findings.report(finding, at: override.location)
            }
            post[override.key] = value
            locations[override.key] = override.location
        }
        checkPlaceholders(of: post, at: locations["title"] ?? root.location)
        return (post, locations)
    }

    private mutating func checkPlaceholders(of post: [String: JSONValue], at location: SourcePosition) {
        guard let title = post["title"]?.stringValue else { return }
        var known = TitleTemplate.names
        if case .object(let fields)? = post["fields"] {
            known += fields.keys.filter { !TitleTemplate.names.contains($0) }.sorted()
        }
        for name in TitleTemplate.placeholders(in: title) where !known.contains(name) {
            findings.report(
                "unknown-placeholder", "the title has an unknown placeholder \"{{ \(name) }}\"",
                hint: DocumentFindings.suggestion(for: name, among: known)
                    ?? "known: \(known.joined(separator: ", ")); declare others under \"fields\" of \"post\"",
                at: location, pointer: "/post/title")
        }
    }

    // MARK: The stages as a whole

    /// Drops the stages after the one that `--until` names.
    private mutating func cut(_ stages: [PipelineStage], after name: String) -> [PipelineStage] {
        guard let index = links.firstIndex(where: { $0.isNamed(name) }) else {
            findings.report(
                "unknown-stage", "the pipeline has no stage \"\(name)\"",
                hint: DocumentFindings.hint(for: name, among: ids), at: SourcePosition(file: "--until \(name)"))
            return stages
        }
        links.removeSubrange((index + 1)...)
        return stages.filter { stage in links.contains { $0.id == stage.id } }
    }

    /// The ids of the stages, for hints.
    var ids: [String] { links.map(\.id).filter { !$0.isEmpty } }

    /// Checks that every stage accepts what the stage before it outputs.
    private mutating func checkChain() {
        var output: ArtifactKind? = SourceFile.kind
        for (index, link) in links.enumerated() {
            defer { output = link.type?.handsOn }
            // An unknown stage has no output type; skip type checks after it.
            guard let type = link.type, let kind = output, type.input != kind else { continue }
            let before =
                index == 0
                ? "the pipeline starts with a \(kind)"
                : "stage \(index) `\(links[index - 1].id)` gives a \(links[index - 1].type?.output ?? kind)"
            let hint =
                registry.path(from: kind, to: type.input).map { stages in
                    let names = stages.map { "`\($0.name)`" }.joined(separator: ", ")
                    return "put \(names) \(index == 0 ? "before it" : "between them")"
                } ?? "no sequence of stages leads from one to the other: move or remove it"
            findings.report(
                "chain", "stage \(index + 1) `\(link.id)` takes a \(type.input), \(before)", hint: hint,
                at: link.location, pointer: "/stages/\(index)")
        }
    }

    /// A pipeline may split footage only once, and no stage before that may post, because posts belong to parts.
    private mutating func checkFanOut() {
        guard let first = links.firstIndex(where: { $0.type?.element != nil }) else { return }
        for (index, link) in links.enumerated() {
            if index > first, link.type?.element != nil {
                findings.report(
                    "second-list",
                    "stage \(index + 1) `\(link.id)` would split again what stage \(first + 1) `\(links[first].id)` has split",
                    hint: "keep one of the two", at: link.location, pointer: "/stages/\(index)")
            }
            if index < first, link.type?.effect == .irreversible {
                findings.report(
                    "post-before-list",
                    "stage \(index + 1) `\(link.id)` posts before stage \(first + 1) `\(links[first].id)` splits the footage",
                    hint: "move `\(links[first].id)` before it", at: link.location, pointer: "/stages/\(index)")
            }
        }
    }

    /// Warns if all posts of a series would get the same title, which is allowed but hardly intended.
    private mutating func checkTitle(of post: [String: JSONValue], at location: SourcePosition?) {
        guard let list = links.dropLast().first(where: { $0.type?.element != nil }),
            links.contains(where: { $0.type?.effect == .irreversible }),
            post["mode"]?.stringValue != PostMode.inbox.rawValue,
            !TitleTemplate.placeholders(in: post["title"]?.stringValue ?? "").contains("part")
        else { return }
        findings.report(
            Diagnostic(
                .warning, code: "same-title", "all parts that `\(list.id)` makes get the same title",
                hint: "put {{ part }}/{{ parts }} into the title", location: location ?? list.location,
                pointer: "/post/title"))
    }
}
