package import Foundation
package import PipelineFile
package import PipelineKit

/// Reads a test-case file and collects every finding.
package struct CaseReader {
    private let registry: StageRegistry
    private let file: String
    private let sandboxProblem: SandboxCheck
    var findings = DocumentFindings()
    /// The pipeline's stages; nil if the pipeline can't be read.
    private var stages: [(id: String, type: StageDefinition?)]?

    /// Validates the sandbox settings and rules in a JSON text; nil if the sandbox accepts them.
    package typealias SandboxCheck = (Data) -> (message: String, hint: String?, pointer: String)?

    static let keys = ["$schema", "pipeline", "description", "environment", "files", "cases"]
    static let caseKeys = [
        "name", "description", "input", "sidecar", "set", "post", "until", "environment", "files", "sandbox", "expect",
    ]
    static let clipKeys = [
        "name", "width", "height", "seconds", "frameRate", "sound", "rotation", "codec", "ready", "content",
    ]
    static let expectKeys = [
        "exit", "code", "message", "diagnostics", "strategy", "width", "height", "duration", "maxDuration", "bytes",
        "frameRate", "posts", "post", "files", "stages",
    ]
    static let postKeys = [
        "publishId", "status", "mode", "title", "privacyLevel", "bytes", "sha256", "postId", "failReason", "createdAt",
        "account", "disableComment", "disableDuet", "disableStitch", "isAigc", "brandContentToggle",
        "brandOrganicToggle", "coverTimestampMs", "media",
    ]
    static let sandboxKeys = ["settings", "rules"]

    private init(file: String, registry: StageRegistry, sandboxProblem: @escaping SandboxCheck) {
        self.file = file
        self.registry = registry
        self.sandboxProblem = sandboxProblem
    }

    /// Reads a test-case file and validates the names and values in it.
    /// - Parameters:
    ///   - file: The path as the user gave it; locations repeat it.
    ///   - registry: The stages whose options can be validated.
    ///   - sandboxProblem: Validates the `sandbox` object of a case.
    /// - Returns: The cases, or nil if any finding is an error.
    package static func read(
        _ file: String, registry: StageRegistry, sandboxProblem: @escaping SandboxCheck = { _ in nil }
    ) -> (cases: CaseFile?, findings: [Diagnostic]) {
        guard let text = try? String(contentsOf: URL(filePath: file), encoding: .utf8) else {
            let finding = Diagnostic(
                code: "unreadable-cases", "\(file) can't be read as UTF-8 text", location: SourcePosition(file: file))
            return (nil, [finding])
        }
        let (root, syntax) = DocumentLoader.load(text, file: file, kind: .cases)
        guard let root else { return (nil, syntax) }
        var reader = CaseReader(file: file, registry: registry, sandboxProblem: sandboxProblem)
        let cases = reader.cases(root)
        return (reader.findings.hasErrors ? nil : cases, reader.findings.inFileOrder)
    }

    // MARK: Parts

    private mutating func cases(_ root: DocumentNode) -> CaseFile? {
        guard let members = object(root, named: "a test-case file") else { return nil }
        findings.checkKeys(of: members, known: Self.keys)
        let pipeline = pipeline(root)
        if let pipeline { readStages(of: pipeline) }
        let environment = environment(root)
        let files = files(root)
        guard let member = root.member("cases") else {
            findings.report(
                "missing-key", "a test-case file needs \"cases\"", hint: "a list such as [{ \"name\": \"…\" }]",
                at: root.location)
            return nil
        }
        guard case .list(let elements, _) = member.value else {
            findings.reportType(of: member, wanted: "a list")
            return nil
        }
        if elements.isEmpty { findings.report("missing-key", "\"cases\" is empty", at: member.value.location) }
        var cases: [PipelineCase] = []
        for element in elements {
            guard var read = pipelineCase(element) else { continue }
            if !read.name.isEmpty, cases.contains(where: { $0.name == read.name }) {
                findings.report("duplicate-name", "two cases are called \"\(read.name)\"", at: read.location)
            }
            read.environment.merge(environment) { own, _ in own }
            read.files.merge(files) { own, _ in own }
            cases.append(read)
        }
        return pipeline.map { CaseFile(file: file, pipeline: $0, cases: cases) }
    }

    /// The pipeline that the file names, or the pipeline file with the same stem in the same folder.
    private mutating func pipeline(_ root: DocumentNode) -> String? {
        if let member = root.member("pipeline") {
            guard let name = text(member) else { return nil }
            let path = path(to: name)
            if FileManager.default.fileExists(atPath: path) { return path }
            findings.report(
                "unreadable-pipeline", "the pipeline \"\(name)\" does not exist",
                hint: "the path is relative to the test-case file", at: member.value.location)
            return nil
        }
        let stem = URL(filePath: file).deletingPathExtension().deletingPathExtension().path
        for path in ["\(stem).json", "\(stem).yaml", "\(stem).yml"] where FileManager.default.fileExists(atPath: path) {
            return path
        }
        findings.report("missing-key", "a test-case file needs \"pipeline\", the pipeline's path", at: root.location)
        return nil
    }

    /// Reads the names of the pipeline's stages. Reports nothing: a case may test that the pipeline is invalid.
    private mutating func readStages(of path: String) {
        let document = PipelineDocument.read(path)
        guard case .list? = document.root?.member("stages")?.value else { return }
        stages = document.stageNodes.compactMap { node in
            guard let uses = node.text("uses") else { return nil }
            return (node.text("id") ?? uses, registry.stage(named: uses))
        }
    }

    private mutating func pipelineCase(_ node: DocumentNode) -> PipelineCase? {
        guard let members = object(node, named: "a case") else { return nil }
        findings.checkKeys(of: members, known: Self.caseKeys)
        if node.member("name") == nil { findings.report("missing-key", "a case needs \"name\"", at: node.location) }
        let name = node.member("name").flatMap { text($0) }
        var read = PipelineCase(name: name ?? "", location: node.location)
        if let member = node.member("input") { read.input = input(member) ?? read.input }
        if let member = node.member("sidecar") {
            switch member.value.json {
            case .object, .string: read.sidecar = member.value.json
            default: findings.reportType(of: member, wanted: "an object of post settings, or a title")
            }
        }
        read.expectations = expectations(node)
        let isRefused = read.expectations.contains { $0.path == ["exit"] && !$0.wanted.holds(for: 0) }
        read.set = set(node, isChecked: !isRefused)
        read.post = post(node, isChecked: !isRefused)
        if let member = node.member("until"), let until = text(member) {
            read.until = until
            checkStage(until, at: member.value.location)
        }
        read.environment = environment(node)
        read.files = files(node)
        if let member = node.member("sandbox") {
            sandbox(member.value)
            read.sandbox = member.value.json
        }
        return read
    }

    private mutating func sandbox(_ node: DocumentNode) {
        guard let members = object(node, named: "\"sandbox\"") else { return }
        let before = findings.count
        findings.checkKeys(of: members, known: Self.sandboxKeys)
        guard findings.count == before, let text = try? node.json.text(),
            let problem = sandboxProblem(Data(text.utf8))
        else { return }
        findings.report(
            "invalid-option", problem.message, hint: problem.hint,
            at: Self.location(of: problem.pointer.split(separator: "/").map(String.init), in: node))
    }

    /// The location of a pointer's key, or of the deepest value on its path that exists.
    private static func location(of pointer: [String], in node: DocumentNode) -> SourcePosition {
        guard let first = pointer.first else { return node.location }
        let rest = Array(pointer.dropFirst())
        if let member = node.member(first) {
            return rest.isEmpty ? member.keyLocation : location(of: rest, in: member.value)
        }
        guard case .list(let elements, _) = node, let index = Int(first), elements.indices.contains(index) else {
            return node.location
        }
        return location(of: rest, in: elements[index])
    }

    private mutating func set(_ node: DocumentNode, isChecked: Bool) -> [String] {
        guard let member = node.member("set"), let members = object(member.value, named: "\"set\"") else { return [] }
        return members.map { member in
            let parts = member.key.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count != 2 {
                findings.report(
                    "unknown-key", "\"set\" takes stage.option, not \"\(member.key)\"",
                    hint: "such as \"transcode.crf\"", at: member.keyLocation)
            } else {
                checkOption(parts[1], of: parts[0], member: member, isChecked: isChecked)
            }
            return "\(member.key)=\(Self.argument(member.value.json))"
        }
    }

    /// - Parameter isChecked: Whether the value must be valid. Names must exist anyway: a misspelt name would test nothing.
    private mutating func checkOption(
        _ option: String, of stage: String, member: DocumentNode.Member, isChecked: Bool
    ) {
        guard checkStage(stage, at: member.keyLocation),
            let type = stages?.first(where: { $0.id == stage || $0.type?.name.rawValue == stage })?.type
        else { return }
        for finding in type.findings([option: member.value.json]) where isChecked || finding.concernsKey {
            findings.report(finding, of: member)
        }
    }

    private mutating func post(_ node: DocumentNode, isChecked: Bool) -> [String] {
        guard let member = node.member("post"), let members = object(member.value, named: "\"post\"") else { return [] }
        return members.map { member in
            for finding in PostSettings.findings(in: [member.key: member.value.json])
            where isChecked || finding.concernsKey { findings.report(finding, of: member) }
            return "\(member.key)=\(Self.argument(member.value.json))"
        }
    }

    /// Values for `${NAME}`. Settings of the program are reserved, because the test runner controls them.
    private mutating func environment(_ node: DocumentNode) -> [String: String] {
        guard let member = node.member("environment"), let members = object(member.value, named: "\"environment\"")
        else {
            return [:]
        }
        var values: [String: String] = [:]
        for member in members {
            if ["TIKTOK_", "SPREADER_"].contains(where: { member.key.hasPrefix($0) }) {
                findings.report(
                    "reserved-name", "\(member.key) can't be set: each case gets its own sandbox and home folder",
                    at: member.keyLocation)
            } else if member.value.members != nil {
                findings.reportType(of: member, wanted: "text")
            } else {
                values[member.key] = Self.argument(member.value.json)
            }
        }
        return values
    }

    private mutating func files(_ node: DocumentNode) -> [String: String] {
        guard let member = node.member("files"), let members = object(member.value, named: "\"files\"") else {
            return [:]
        }
        var files: [String: String] = [:]
        for member in members {
            guard let name = text(member) else { continue }
            if member.key.hasPrefix("/") || member.key.split(separator: "/").contains("..") {
                findings.report(
                    "wrong-type", "\"\(member.key)\" is outside the case's folder",
                    hint: "use the path that the pipeline uses, relative to the current folder", at: member.keyLocation)
            }
            let path = path(to: name)
            if !FileManager.default.fileExists(atPath: path) {
                findings.report(
                    "no-input", "the file \"\(name)\" does not exist",
                    hint: "the path is relative to the test-case file",
                    at: member.value.location)
            }
            files[member.key] = path
        }
        return files
    }

    /// Resolves a path relative to this file's folder.
    func path(to name: String) -> String {
        name.hasPrefix("/")
            ? name : URL(filePath: file).deletingLastPathComponent().appending(path: name).standardizedFileURL.path
    }

    /// Whether the pipeline has a stage with that id or type name; reports an error if it does not.
    @discardableResult
    mutating func checkStage(_ name: String, at location: SourcePosition) -> Bool {
        guard let stages else { return false }
        if stages.contains(where: { $0.id == name || $0.type?.name.rawValue == name }) { return true }
        findings.report(
            "unknown-stage", "the pipeline has no stage \"\(name)\"",
            hint: DocumentFindings.hint(for: name, among: stages.map(\.id)), at: location)
        return false
    }
}
