import Foundation
import PipelineKit

/// Builds a ``Pipeline`` from the nodes of a pipeline file and collects every finding.
struct PipelineReader {
    let registry: StageRegistry
    let file: String
    var findings: [Diagnostic]
    /// All elements of `stages` in order, also those with invalid options, to check how stages fit together. The type is
    /// nil for an unknown stage, and the id is empty if the element has no name.
    private var links: [(id: String, type: StageDefinition?, location: SourcePosition)] = []

    init(registry: StageRegistry, file: String, findings: [Diagnostic]) {
        self.registry = registry
        self.file = file
        self.findings = findings
    }

    static let keys = ["$schema", "name", "description", "inputs", "account", "post", "stages"]
    static let stageKeys = ["uses", "id", "with", "retry", "timeout", "labels", "isolate"]
    static let retryKeys = ["attempts", "delay", "maxDelay"]

    mutating func read(_ root: DocumentNode, overrides: [PipelineChecker.Override], until: String?) -> Pipeline? {
        guard root.members != nil else {
            report("wrong-type", "a pipeline file is an object, not \(root.json.kind)", at: root.location)
            return nil
        }
        checkKeys(of: root, known: Self.keys, pointer: "")
        let name = text(root, "name") ?? URL(filePath: file).deletingPathExtension().lastPathComponent
        let account = text(root, "account") ?? "default"
        let inputs = readInputs(root)
        let (post, postLocations) = readPost(root, overrides.filter { $0.stage == nil })
        var stages = readStages(root, overrides.filter { $0.stage != nil })
        if let until {
            if let index = links.firstIndex(where: { $0.id == until || $0.type?.name.rawValue == until }) {
                stages = stages.filter { stage in links[...index].contains { $0.id == stage.id } }
                links = Array(links[...index])
            } else {
                let names = links.map(\.id).filter { !$0.isEmpty }
                report(
                    "unknown-stage", "the pipeline has no stage \"\(until)\"",
                    hint: hint(until, names), at: SourcePosition(file: "--until \(until)"))
            }
        }
        checkChain()
        checkTitle(post, postLocations)
        return Pipeline(
            name: name, file: file, inputs: inputs, account: account, post: post, postLocations: postLocations,
            stages: stages)
    }

    // MARK: Parts

    private mutating func readInputs(_ root: DocumentNode) -> [(pattern: String, location: SourcePosition)] {
        guard let member = root.member("inputs") else { return [] }
        let elements: [DocumentNode]
        switch member.value {
        case .list(let list, _): elements = list
        case .scalar(.string, _): elements = [member.value]
        default:
            report(
                "wrong-type", "\"inputs\" takes a list of paths, not \(member.value.json.kind)",
                at: member.value.location, pointer: "/inputs")
            return []
        }
        var inputs: [(pattern: String, location: SourcePosition)] = []
        for (index, element) in elements.enumerated() {
            if let pattern = element.json.stringValue, !pattern.isEmpty {
                inputs.append((pattern, element.location))
            } else {
                report(
                    "wrong-type",
                    "an input is a path or a pattern such as \"footage/*.mov\", not \(element.json == "" ? "empty" : element.json.kind)",
                    at: element.location, pointer: "/inputs/\(index)")
            }
        }
        return inputs
    }

    private mutating func readPost(
        _ root: DocumentNode, _ overrides: [PipelineChecker.Override]
    ) -> (post: [String: JSONValue], locations: [String: SourcePosition]) {
        var post: [String: JSONValue] = [:]
        var locations: [String: SourcePosition] = [:]
        if let member = root.member("post") {
            if let members = member.value.members {
                checkOptions(members, pointer: "/post") { PostSettings.findings(in: $0) }
                for member in members {
                    post[member.key] = member.value.json
                    locations[member.key] = member.value.location
                }
            } else {
                report(
                    "wrong-type", "\"post\" takes an object, not \(member.value.json.kind)", at: member.value.location,
                    pointer: "/post")
            }
        }
        for override in overrides {
            let location = SourcePosition(file: override.flag)
            let value = override.json(for: PostSettings.descriptors)
            for finding in PostSettings.findings(in: [override.key: value]) {
                report(finding, at: location, pointer: nil)
            }
            post[override.key] = value
            locations[override.key] = location
        }
        if let title = post["title"]?.stringValue {
            var known = TitleTemplate.names
            if case .object(let fields)? = post["fields"] {
                known += fields.keys.filter { !TitleTemplate.names.contains($0) }.sorted()
            }
            for name in TitleTemplate.placeholders(in: title) where !known.contains(name) {
                report(
                    "unknown-placeholder", "the title has an unknown placeholder \"{{ \(name) }}\"",
                    hint: NearestName.of(name, in: known).map { "did you mean \"\($0)\"?" }
                        ?? "known: \(known.joined(separator: ", ")); declare others under \"fields\" of \"post\"",
                    at: locations["title"] ?? root.location, pointer: "/post/title")
            }
        }
        return (post, locations)
    }

    private mutating func readStages(
        _ root: DocumentNode, _ overrides: [PipelineChecker.Override]
    ) -> [PipelineStage] {
        guard let member = root.member("stages") else {
            report(
                "missing-key", "a pipeline needs \"stages\"", hint: "a list such as [{ \"uses\": \"probe\" }]",
                at: root.location)
            return []
        }
        guard case .list(let elements, let location) = member.value else {
            report(
                "wrong-type", "\"stages\" takes a list, not \(member.value.json.kind)", at: member.value.location,
                pointer: "/stages")
            return []
        }
        if elements.isEmpty { report("missing-key", "\"stages\" is empty", at: location, pointer: "/stages") }
        var stages: [PipelineStage] = []
        var unusedOverrides = overrides
        for (index, element) in elements.enumerated() {
            let pointer = "/stages/\(index)"
            guard element.members != nil else {
                links.append(("", nil, element.location))
                report(
                    "wrong-type", "a stage is an object such as { \"uses\": \"probe\" }, not \(element.json.kind)",
                    at: element.location, pointer: pointer)
                continue
            }
            checkKeys(of: element, known: Self.stageKeys, pointer: pointer)
            guard let uses = element.member("uses") else {
                links.append(("", nil, element.location))
                report(
                    "missing-key", "a stage needs \"uses\", the name of the stage", at: element.location,
                    pointer: pointer)
                continue
            }
            guard let name = uses.value.json.stringValue else {
                links.append(("", nil, element.location))
                report(
                    "wrong-type", "\"uses\" takes the name of a stage", at: uses.value.location,
                    pointer: pointer + "/uses")
                continue
            }
            guard let type = registry.stage(named: name) else {
                guard text(element, "uses", pointer: pointer) != nil else {
                    links.append((name, nil, uses.value.location))
                    continue
                }
                links.append((text(element, "id", pointer: pointer) ?? name, nil, uses.value.location))
                if let problem = registry.unusable[name] {
                    findings.append(
                        Diagnostic(
                            code: problem.code.rawValue, problem.message, hint: problem.hint,
                            location: uses.value.location, pointer: pointer + "/uses", subject: .configuration))
                    continue
                }
                report(
                    "unknown-stage", "unknown stage \"\(name)\"",
                    hint: NearestName.of(name, in: registry.stages.map(\.name.rawValue)).map {
                        "did you mean \"\($0)\"?"
                    }
                        ?? "plugins are searched in ./plugins, SPREADER_HOME/plugins and SPREADER_PLUGIN_PATH; known: "
                        + registry.stages.map(\.name.rawValue).joined(separator: ", "), at: uses.value.location,
                    pointer: pointer + "/uses")
                continue
            }
            let id = text(element, "id", pointer: pointer) ?? name
            let isTaken = links.contains { $0.id == id }
            links.append((id, type, uses.value.location))
            if isTaken {
                report(
                    "duplicate-id", "two stages are called \"\(id)\"", hint: "give one of them another \"id\"",
                    at: (element.member("id") ?? uses).value.location, pointer: pointer)
            }
            let isMine = { (override: PipelineChecker.Override) in override.stage == id || override.stage == name }
            let mine = overrides.filter(isMine)
            unusedOverrides.removeAll(where: isMine)
            let retry = readRetry(element, type, pointer: pointer)
            let timeout = duration(element, "timeout", pointer: pointer)
            if timeout == .zero, let place = element.member("timeout")?.value.location {
                report(
                    "out-of-range", "\"timeout\" of 0 would end the stage immediately", hint: "remove it for no limit",
                    at: place, pointer: pointer + "/timeout")
            }
            let labels = labels(element, pointer: pointer)
            let isIsolated = truth(element, "isolate", pointer: pointer)
            let host = isIsolated == true ? registry.isolated(type) : type
            guard let stage = makeStage(element, host, mine, pointer: pointer) else { continue }
            stages.append(
                PipelineStage(
                    id: id, type: host, stage: stage, retry: retry, timeout: timeout, labels: labels,
                    location: uses.value.location, pointer: pointer,
                    optionLocations: Dictionary(
                        (element.member("with")?.value.members ?? []).map { ($0.key, $0.value.location) }
                            + mine.map { ($0.key, $0.place(host.options)) },
                        uniquingKeysWith: { $1 })))
        }
        for override in unusedOverrides {
            let names = links.map(\.id).filter { !$0.isEmpty }
            report(
                "unknown-stage", "the pipeline has no stage \"\(override.stage ?? "")\"",
                hint: hint(override.stage ?? "", names), at: override.place([]))
        }
        return stages
    }

    private mutating func makeStage(
        _ element: DocumentNode, _ type: StageDefinition, _ overrides: [PipelineChecker.Override], pointer: String
    ) -> AnyStage? {
        let before = findings.count
        var options: [String: JSONValue] = [:]
        if let with = element.member("with") {
            guard let members = with.value.members else {
                report(
                    "wrong-type", "\"with\" takes an object of options, not \(with.value.json.kind)",
                    at: with.value.location, pointer: pointer + "/with")
                return nil
            }
            checkOptions(members, pointer: pointer + "/with", type.findings)
            for member in members { options[member.key] = member.value.json }
        }
        for override in overrides {
            let value = override.json(for: type.options)
            for finding in type.findings([override.key: value]) {
                report(finding, at: override.place(type.options), pointer: nil)
            }
            options[override.key] = value
        }
        guard findings.count == before else { return nil }
        do throws(StageError) {
            return try type.make(options)
        } catch {
            report(
                "invalid-options", "\(type.name): \(error.message)", hint: error.hint,
                at: (element.member("with"))?.value.location ?? element.location, pointer: pointer + "/with")
            return nil
        }
    }

    private mutating func readRetry(_ element: DocumentNode, _ type: StageDefinition, pointer: String) -> RetryPolicy {
        var policy = RetryPolicy.usual(for: type)
        guard let member = element.member("retry") else { return policy }
        guard member.value.members != nil else {
            report(
                "wrong-type", "\"retry\" takes an object such as { \"attempts\": 5 }, not \(member.value.json.kind)",
                at: member.value.location, pointer: pointer + "/retry")
            return policy
        }
        policy.isOwn = true
        checkKeys(of: member.value, known: Self.retryKeys, pointer: pointer + "/retry")
        if let attempts = member.value.member("attempts") {
            if let number = attempts.value.json.integerValue, (1...100).contains(number) {
                policy.attempts = Int(number)
            } else {
                report(
                    "out-of-range",
                    "\"attempts\" takes an integer between 1 and 100, not \((try? attempts.value.json.text()) ?? "this")",
                    at: attempts.value.location,
                    pointer: pointer + "/retry/attempts")
            }
        }
        if let delay = duration(member.value, "delay", pointer: pointer + "/retry") { policy.delay = delay }
        if let most = duration(member.value, "maxDelay", pointer: pointer + "/retry") { policy.maximumDelay = most }
        return policy
    }

    private mutating func checkChain() {
        var given: ArtifactKind? = SourceFile.kind
        for (index, link) in links.enumerated() {
            defer { given = link.type?.handsOn }
            // An unknown stage has no output type; skip type checks after it.
            guard let type = link.type, let kind = given, type.input != kind else { continue }
            let before =
                index == 0
                ? "the pipeline starts with a \(kind)"
                : "stage \(index) `\(links[index - 1].id)` gives a \(links[index - 1].type?.output ?? kind)"
            let hint =
                registry.path(from: kind, to: type.input).map { row in
                    "put \(row.map { "`\($0.name)`" }.joined(separator: ", ")) \(index == 0 ? "before it" : "between them")"
                } ?? "no sequence of stages leads from one to the other: move or remove it"
            report(
                "chain", "stage \(index + 1) `\(link.id)` takes a \(type.input), \(before)", hint: hint,
                at: link.location, pointer: "/stages/\(index)")
        }
        checkFanOut()
    }

    /// A pipeline may split footage only once, and no stage before that may post, because posts belong to parts.
    private mutating func checkFanOut() {
        guard let first = links.firstIndex(where: { $0.type?.element != nil }) else { return }
        for (index, link) in links.enumerated() {
            if index > first, link.type?.element != nil {
                report(
                    "second-list",
                    "stage \(index + 1) `\(link.id)` would split again what stage \(first + 1) `\(links[first].id)` has split",
                    hint: "keep one of the two", at: link.location, pointer: "/stages/\(index)")
            }
            if index < first, link.type?.effect == .irreversible {
                report(
                    "post-before-list",
                    "stage \(index + 1) `\(link.id)` posts before stage \(first + 1) `\(links[first].id)` splits the footage",
                    hint: "move `\(links[first].id)` before it", at: link.location, pointer: "/stages/\(index)")
            }
        }
    }

    /// Warns if all posts of a series would get the same title, which is allowed but hardly intended.
    private mutating func checkTitle(_ post: [String: JSONValue], _ locations: [String: SourcePosition]) {
        guard let list = links.dropLast().first(where: { $0.type?.element != nil }),
            links.contains(where: { $0.type?.effect == .irreversible }),
            post["mode"]?.stringValue != PostMode.inbox.rawValue,
            !TitleTemplate.placeholders(in: post["title"]?.stringValue ?? "").contains("part")
        else { return }
        findings.append(
            Diagnostic(
                .warning, code: "same-title", "all parts that `\(list.id)` makes get the same title",
                hint: "put {{ part }}/{{ parts }} into the title", location: locations["title"] ?? list.location,
                pointer: "/post/title"))
    }

    // MARK: Helpers

    private mutating func checkOptions(
        _ members: [DocumentNode.Member], pointer: String, _ check: ([String: JSONValue]) -> [OptionFinding]
    ) {
        let object = Dictionary(members.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 })
        for finding in check(object) {
            guard let member = members.last(where: { $0.key == finding.key }) else { continue }
            // A missing variable was already reported at this location.
            if !finding.concernsKey, findings.contains(where: { $0.location == member.value.location }) { continue }
            report(
                finding, at: finding.concernsKey ? member.keyLocation : member.value.location,
                pointer: "\(pointer)/\(finding.key)")
        }
    }

    private mutating func checkKeys(of node: DocumentNode, known: [String], pointer: String) {
        for member in node.members ?? [] where !known.contains(member.key) {
            report(
                "unknown-key", "unknown key \"\(member.key)\"", hint: hint(member.key, known), at: member.keyLocation,
                pointer: "\(pointer)/\(member.key)")
        }
    }

    private mutating func text(_ node: DocumentNode, _ key: String, pointer: String = "") -> String? {
        guard let member = node.member(key) else { return nil }
        let written = member.value.json
        if let text = written.stringValue, !text.isEmpty { return text }
        // A missing variable was already reported at this location.
        if written == "", findings.contains(where: { $0.location == member.value.location }) { return nil }
        report(
            "wrong-type", written == "" ? "\"\(key)\" is empty" : "\"\(key)\" takes text, not \(written.kind)",
            at: member.value.location,
            pointer: "\(pointer)/\(key)")
        return nil
    }

    private mutating func duration(_ node: DocumentNode, _ key: String, pointer: String) -> Duration? {
        guard let member = node.member(key) else { return nil }
        do throws(OptionProblem) {
            return try Duration.parse(member.value.json)
        } catch {
            report(
                error.code, "\"\(key)\" \(error.message)", hint: error.hint, at: member.value.location,
                pointer: "\(pointer)/\(key)")
            return nil
        }
    }

    private mutating func truth(_ node: DocumentNode, _ key: String, pointer: String) -> Bool? {
        guard let member = node.member(key) else { return nil }
        if let truth = member.value.json.boolValue { return truth }
        report(
            "wrong-type", "\"\(key)\" takes true or false, not \(member.value.json.kind)", at: member.value.location,
            pointer: "\(pointer)/\(key)")
        return nil
    }

    /// Reads `labels`. Labels can't contain commas, which separate them on the command line.
    private mutating func labels(_ node: DocumentNode, pointer: String) -> [String] {
        guard let member = node.member("labels") else { return [] }
        guard case .array(let list) = member.value.json,
            !list.contains(where: { $0.stringValue.map { $0.isEmpty || $0.contains(",") } ?? true })
        else {
            report(
                "wrong-type", "\"labels\" takes a list of words such as [\"egress\"]", at: member.value.location,
                pointer: pointer + "/labels")
            return []
        }
        return list.compactMap(\.stringValue)
    }

    private func hint(_ name: String, _ known: [String]) -> String {
        NearestName.of(name, in: known).map { "did you mean \"\($0)\"?" } ?? "known: \(known.joined(separator: ", "))"
    }

    private mutating func report(
        _ code: String, _ message: String, hint: String? = nil, at location: SourcePosition, pointer: String? = nil
    ) {
        findings.append(Diagnostic(code: code, message, hint: hint, location: location, pointer: pointer))
    }

    private mutating func report(_ finding: OptionFinding, at location: SourcePosition, pointer: String?) {
        let message = finding.concernsKey ? finding.problem.message : "\"\(finding.key)\" \(finding.problem.message)"
        report(finding.problem.code, message, hint: finding.problem.hint, at: location, pointer: pointer)
    }
}
