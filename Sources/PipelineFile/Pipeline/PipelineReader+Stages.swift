import PipelineKit

extension PipelineReader {
    static let stageKeys = ["uses", "id", "with", "retry", "timeout", "labels", "isolate"]
    static let retryKeys = ["attempts", "delay", "maxDelay"]

    /// An element of `stages` that names a known stage.
    private struct Entry {
        var section: DocumentSection
        var id: String
        var type: StageDefinition
        /// The location of `uses`.
        var location: SourcePosition
    }

    /// Reads `stages`, and sets ``links``.
    mutating func readStages(_ root: DocumentNode, overrides: [PipelineOverride]) -> [PipelineStage] {
        guard let nodes = stageNodes(of: root) else { return [] }
        var stages: [PipelineStage] = []
        for (index, node) in nodes.enumerated() {
            let section = DocumentSection(node: node, pointer: "/stages/\(index)")
            guard let entry = readEntry(section) else { continue }
            let own = overrides.filter { $0.concerns(stage: entry.id, named: entry.type.name.rawValue) }
            if let stage = readStage(entry, overrides: own) { stages.append(stage) }
        }
        checkStages(of: overrides)
        return stages
    }

    /// The elements of `stages`; nil if there is no such list.
    private mutating func stageNodes(of root: DocumentNode) -> [DocumentNode]? {
        guard let member = root.member("stages") else {
            findings.report(
                "missing-key", "a pipeline needs \"stages\"", hint: "a list such as [{ \"uses\": \"probe\" }]",
                at: root.location)
            return nil
        }
        guard case .list(let elements, let location) = member.value else {
            findings.reportType(of: member, wanted: "a list", pointer: "/stages")
            return nil
        }
        if elements.isEmpty {
            findings.report("missing-key", "\"stages\" is empty", at: location, pointer: "/stages")
        }
        return elements
    }

    /// Reports values of `--set` for stages that the pipeline does not have.
    private mutating func checkStages(of overrides: [PipelineOverride]) {
        for override in overrides {
            let name = override.stage ?? ""
            guard !links.contains(where: { $0.type != nil && $0.isNamed(name) }) else { continue }
            findings.report(
                "unknown-stage", "the pipeline has no stage \"\(name)\"",
                hint: DocumentFindings.hint(for: name, among: ids), at: override.location(among: []))
        }
    }

    // MARK: Names

    /// Reads the name and the id of a stage, and adds its link. Nil if it names no known stage.
    private mutating func readEntry(_ section: DocumentSection) -> Entry? {
        let (node, pointer) = (section.node, section.pointer)
        guard let members = node.members else {
            links.append(Link(location: node.location))
            findings.report(
                "wrong-type", "a stage is an object such as { \"uses\": \"probe\" }, not \(node.json.kind)",
                at: node.location, pointer: pointer)
            return nil
        }
        findings.checkKeys(of: members, known: Self.stageKeys, pointer: pointer)
        guard let uses = node.member("uses") else {
            links.append(Link(location: node.location))
            findings.report(
                "missing-key", "a stage needs \"uses\", the name of the stage", at: node.location, pointer: pointer)
            return nil
        }
        let location = uses.value.location
        guard let name = uses.value.json.stringValue else {
            links.append(Link(location: node.location))
            findings.report(
                "wrong-type", "\"uses\" takes the name of a stage", at: location, pointer: section.pointer(to: "uses"))
            return nil
        }
        guard let type = registry.stage(named: name) else {
            readUnknownStage(name, in: section, at: location)
            return nil
        }
        let id = text("id", in: section) ?? name
        if links.contains(where: { $0.id == id }) {
            findings.report(
                "duplicate-id", "two stages are called \"\(id)\"", hint: "give one of them another \"id\"",
                at: (node.member("id") ?? uses).value.location, pointer: pointer)
        }
        links.append(Link(id: id, type: type, location: location))
        return Entry(section: section, id: id, type: type, location: location)
    }

    private mutating func readUnknownStage(_ name: String, in section: DocumentSection, at location: SourcePosition) {
        guard text("uses", in: section) != nil else {
            links.append(Link(id: name, location: location))
            return
        }
        links.append(Link(id: text("id", in: section) ?? name, location: location))
        let pointer = section.pointer(to: "uses")
        if let problem = registry.unusable[name] {
            findings.report(
                Diagnostic(
                    code: problem.code.rawValue, problem.message, hint: problem.hint, location: location,
                    pointer: pointer, subject: .configuration))
            return
        }
        let known = registry.stages.map(\.name.rawValue)
        findings.report(
            "unknown-stage", "unknown stage \"\(name)\"",
            hint: DocumentFindings.suggestion(for: name, among: known)
                ?? "plugins are searched in ./plugins, SPREADER_HOME/plugins and SPREADER_PLUGIN_PATH; known: "
                + known.joined(separator: ", "),
            at: location, pointer: pointer)
    }

    // MARK: Settings

    /// Reads the settings and options of a stage; nil if its options are invalid.
    private mutating func readStage(_ entry: Entry, overrides: [PipelineOverride]) -> PipelineStage? {
        let retry = readRetry(entry)
        let timeout = readTimeout(entry)
        let labels = labels(in: entry.section)
        let isIsolated = boolean("isolate", in: entry.section) ?? false
        let type = isIsolated ? registry.isolated(entry.type) : entry.type
        guard let stage = makeStage(type, in: entry.section, overrides: overrides) else { return nil }
        var read = PipelineStage(id: entry.id, type: type, stage: stage, retry: retry, location: entry.location)
        read.timeout = timeout
        read.labels = labels
        read.pointer = entry.section.pointer
        for member in entry.section.node.member("with")?.value.members ?? [] {
            read.optionLocations[member.key] = member.value.location
        }
        for override in overrides { read.optionLocations[override.key] = override.location(among: type.options) }
        return read
    }

    private mutating func readTimeout(_ entry: Entry) -> Duration? {
        let timeout = duration("timeout", in: entry.section)
        if timeout == .zero, let member = entry.section.node.member("timeout") {
            findings.report(
                "out-of-range", "\"timeout\" of 0 would end the stage immediately", hint: "remove it for no limit",
                at: member.value.location, pointer: entry.section.pointer(to: "timeout"))
        }
        return timeout
    }

    private mutating func readRetry(_ entry: Entry) -> RetryPolicy {
        var policy = RetryPolicy.usual(for: entry.type)
        guard let member = entry.section.node.member("retry") else { return policy }
        let section = DocumentSection(node: member.value, pointer: entry.section.pointer(to: "retry"))
        guard let members = member.value.members else {
            findings.reportType(
                of: member, wanted: "an object such as { \"attempts\": 5 }", pointer: section.pointer)
            return policy
        }
        policy.isOwn = true
        findings.checkKeys(of: members, known: Self.retryKeys, pointer: section.pointer)
        if let attempts = section.node.member("attempts")?.value {
            if let number = attempts.json.integerValue, (1...100).contains(number) {
                policy.attempts = Int(number)
            } else {
                findings.report(
                    "out-of-range",
                    "\"attempts\" takes an integer between 1 and 100, not \((try? attempts.json.text()) ?? "this")",
                    at: attempts.location, pointer: section.pointer(to: "attempts"))
            }
        }
        if let delay = duration("delay", in: section) { policy.delay = delay }
        if let maximum = duration("maxDelay", in: section) { policy.maximumDelay = maximum }
        return policy
    }

    // MARK: Options

    private mutating func makeStage(
        _ type: StageDefinition, in section: DocumentSection, overrides: [PipelineOverride]
    ) -> AnyStage? {
        let before = findings.count
        let pointer = section.pointer(to: "with")
        let with = section.node.member("with")
        var options: [String: JSONValue] = [:]
        if let with {
            guard let members = with.value.members else {
                findings.reportType(of: with, wanted: "an object of options", pointer: pointer)
                return nil
            }
            checkOptions(members, pointer: pointer, check: type.findings)
            for member in members { options[member.key] = member.value.json }
        }
        for override in overrides {
            let value = override.json(for: type.options)
            for finding in type.findings([override.key: value]) {
                findings.report(finding, at: override.location(among: type.options))
            }
            options[override.key] = value
        }
        guard findings.count == before else { return nil }
        do throws(StageError) {
            return try type.make(options)
        } catch {
            findings.report(
                "invalid-options", "\(type.name): \(error.message)", hint: error.hint,
                at: with?.value.location ?? section.node.location, pointer: pointer)
            return nil
        }
    }
}
