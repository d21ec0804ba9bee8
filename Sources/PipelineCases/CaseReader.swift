package import Foundation
package import PipelineFile
package import PipelineKit

/// Reads a test-case file and collects every finding.
package struct CaseReader {
    private let registry: StageRegistry
    private let file: String
    private var findings: [Diagnostic] = []
    /// The pipeline's stages; nil if the pipeline can't be read.
    private var stages: [(id: String, type: StageDefinition?)]?
    private let sandboxProblem: SandboxCheck

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

    private init(_ registry: StageRegistry, _ file: String, _ sandboxProblem: @escaping SandboxCheck) {
        self.sandboxProblem = sandboxProblem
        self.registry = registry
        self.file = file
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
        var reader = CaseReader(registry, file, sandboxProblem)
        reader.findings = syntax
        let cases = reader.cases(root)
        let findings = reader.findings.sorted {
            ($0.location?.line ?? 0, $0.location?.column ?? 0) < ($1.location?.line ?? 0, $1.location?.column ?? 0)
        }
        return (findings.contains { $0.severity == .error } ? nil : cases, findings)
    }

    // MARK: Parts

    private mutating func cases(_ root: DocumentNode) -> CaseFile? {
        guard let members = object(root, "a test-case file") else { return nil }
        checkKeys(members, Self.keys)
        let pipeline = pipeline(root)
        if let pipeline { look(into: pipeline.path, pipeline.location) }
        let environment = environment(root)
        let files = files(root)
        guard let member = root.member("cases") else {
            report(
                "missing-key", "a test-case file needs \"cases\"", hint: "a list such as [{ \"name\": \"…\" }]",
                at: root.location)
            return nil
        }
        guard case .list(let elements, _) = member.value else {
            wrongType(member, "a list")
            return nil
        }
        if elements.isEmpty { report("missing-key", "\"cases\" is empty", at: member.value.location) }
        var cases: [PipelineCase] = []
        for element in elements {
            guard var read = pipelineCase(element) else { continue }
            if !read.name.isEmpty, cases.contains(where: { $0.name == read.name }) {
                report("duplicate-name", "two cases are called \"\(read.name)\"", at: read.location)
            }
            read.environment.merge(environment) { own, _ in own }
            read.files.merge(files) { own, _ in own }
            cases.append(read)
        }
        return pipeline.map { CaseFile(file: file, pipeline: $0.path, cases: cases) }
    }

    /// The pipeline that the file names, or the pipeline file with the same stem in the same folder.
    private mutating func pipeline(_ root: DocumentNode) -> (path: String, location: SourcePosition)? {
        if let member = root.member("pipeline") {
            guard let name = text(member) else { return nil }
            let path = beside(name)
            if FileManager.default.fileExists(atPath: path) { return (path, member.value.location) }
            report(
                "unreadable-pipeline", "the pipeline \"\(name)\" does not exist",
                hint: "the path is relative to the test-case file", at: member.value.location)
            return nil
        }
        let stem = URL(filePath: file).deletingPathExtension().deletingPathExtension().path
        for ending in ["json", "yaml", "yml"] where FileManager.default.fileExists(atPath: "\(stem).\(ending)") {
            return ("\(stem).\(ending)", root.location)
        }
        report("missing-key", "a test-case file needs \"pipeline\", the pipeline's path", at: root.location)
        return nil
    }

    private mutating func look(into path: String, _ location: SourcePosition) {
        guard let text = try? String(contentsOf: URL(filePath: path), encoding: .utf8),
            let root = DocumentLoader.load(text, file: path).root,
            case .list(let list, _)? = root.member("stages")?.value
        else { return }
        // Report nothing here: a case may test that the pipeline is invalid.
        stages = list.compactMap { stage in
            guard let uses = stage.member("uses")?.value.json.stringValue else { return nil }
            return (stage.member("id")?.value.json.stringValue ?? uses, registry.stage(named: uses))
        }
    }

    private mutating func pipelineCase(_ node: DocumentNode) -> PipelineCase? {
        guard let members = object(node, "a case") else { return nil }
        checkKeys(members, Self.caseKeys)
        if node.member("name") == nil { report("missing-key", "a case needs \"name\"", at: node.location) }
        let name = node.member("name").flatMap { text($0) }
        var read = PipelineCase(name: name ?? "", location: node.location)
        if let member = node.member("input") { read.input = input(member) ?? read.input }
        if let member = node.member("sidecar") {
            switch member.value.json {
            case .object, .string: read.sidecar = member.value.json
            default: wrongType(member, "an object of post settings, or a title")
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
        guard let members = object(node, "\"sandbox\"") else { return }
        let before = findings.count
        checkKeys(members, Self.sandboxKeys)
        guard findings.count == before, let text = try? node.json.text(),
            let problem = sandboxProblem(Data(text.utf8))
        else { return }
        report(
            "invalid-option", problem.message, hint: problem.hint,
            at: Self.place(of: problem.pointer.split(separator: "/").map(String.init), in: node))
    }

    /// The location of a pointer's key, or of the deepest value on its path that exists.
    private static func place(of pointer: [String], in node: DocumentNode) -> SourcePosition {
        guard let first = pointer.first else { return node.location }
        let rest = Array(pointer.dropFirst())
        if let member = node.member(first) {
            return rest.isEmpty ? member.keyLocation : place(of: rest, in: member.value)
        }
        guard case .list(let elements, _) = node, let index = Int(first), elements.indices.contains(index) else {
            return node.location
        }
        return place(of: rest, in: elements[index])
    }

    private mutating func set(_ node: DocumentNode, isChecked: Bool) -> [String] {
        guard let member = node.member("set"), let members = object(member.value, "\"set\"") else { return [] }
        return members.map { member in
            let parts = member.key.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count != 2 {
                report(
                    "unknown-key", "\"set\" takes stage.option, not \"\(member.key)\"",
                    hint: "such as \"transcode.crf\"", at: member.keyLocation)
            } else {
                checkOption(parts[0], parts[1], member, isChecked: isChecked)
            }
            return "\(member.key)=\(Self.word(member.value.json))"
        }
    }

    /// - Parameter isChecked: Whether the value must be valid. Names must exist anyway: a misspelt name would test nothing.
    private mutating func checkOption(
        _ stage: String, _ option: String, _ member: DocumentNode.Member, isChecked: Bool
    ) {
        guard checkStage(stage, at: member.keyLocation),
            let type = stages?.first(where: { $0.id == stage || $0.type?.name.rawValue == stage })?.type
        else { return }
        for finding in type.findings([option: member.value.json]) where isChecked || finding.concernsKey {
            report(finding, member)
        }
    }

    private mutating func post(_ node: DocumentNode, isChecked: Bool) -> [String] {
        guard let member = node.member("post"), let members = object(member.value, "\"post\"") else { return [] }
        return members.map { member in
            for finding in PostSettings.findings(in: [member.key: member.value.json])
            where isChecked || finding.concernsKey { report(finding, member) }
            return "\(member.key)=\(Self.word(member.value.json))"
        }
    }

    // MARK: Input

    private mutating func input(_ member: DocumentNode.Member) -> CaseInput? {
        if member.value.json.stringValue != nil {
            guard let name = text(member) else { return nil }
            let path = beside(name)
            if FileManager.default.fileExists(atPath: path) { return .file(path: path) }
            report(
                "no-input", "the file \"\(name)\" does not exist", hint: "the path is relative to the test-case file",
                at: member.value.location)
            return nil
        }
        guard let members = object(member.value, "\"input\"") else { return nil }
        checkKeys(members, Self.clipKeys)
        let node = member.value
        var clip = CaseClip()
        if let name = name(node) { clip.name = name }
        if let content = node.member("content") {
            for member in members where !["content", "name"].contains(member.key) && Self.clipKeys.contains(member.key)
            {
                report("conflict", "\"\(member.key)\" has no meaning for a text file", at: member.keyLocation)
            }
            return text(content).map { CaseInput.text($0, name: clip.name) }
        }
        if let member = node.member("ready") {
            clip.isReady = member.value.json.boolValue ?? false
            if member.value.json.boolValue == nil { wrongType(member, "true or false") }
        }
        for key in ["width", "height", "frameRate", "codec", "rotation"] {
            guard clip.isReady, let member = node.member(key) else { continue }
            report("conflict", "\"ready\" already determines \"\(key)\"", at: member.keyLocation)
        }
        clip.width = Int(number(node, "width", 16...4096, isEven: true) ?? Double(clip.width))
        clip.height = Int(number(node, "height", 16...4096, isEven: true) ?? Double(clip.height))
        clip.seconds = number(node, "seconds", 0.1...120) ?? clip.seconds
        clip.frameRate = number(node, "frameRate", 1...240) ?? clip.frameRate
        if let member = node.member("codec"), let codec = word(member, CaseClip.codecs) { clip.codec = codec }
        if let member = node.member("rotation") {
            if let turn = member.value.json.integerValue, [0, 90, 180, 270].contains(turn) {
                clip.rotation = Int(turn)
            } else {
                report("out-of-range", "\"rotation\" takes 0, 90, 180 or 270", at: member.value.location)
            }
        }
        if let member = node.member("sound") {
            switch member.value.json {
            case .bool(let isOn): clip.sound = isOn ? .tone : .none
            case "silent": clip.sound = .silent
            default: wrongType(member, "true, false or \"silent\"")
            }
        }
        return .clip(clip)
    }

    private mutating func name(_ node: DocumentNode) -> String? {
        guard let member = node.member("name"), let name = text(member) else { return nil }
        let ending = URL(filePath: name).pathExtension.lowercased()
        guard !name.contains("/"), !name.hasPrefix("."), CaseClip.endings.contains(ending) else {
            report(
                "wrong-type", "\"name\" takes a file name such as clip.mov, not \"\(name)\"",
                hint: "extensions: \(CaseClip.endings.joined(separator: ", "))", at: member.value.location)
            return nil
        }
        return name
    }

    private mutating func number(
        _ node: DocumentNode, _ key: String, _ range: ClosedRange<Double>, isEven: Bool = false
    ) -> Double? {
        guard let member = node.member(key) else { return nil }
        let number = member.value.json.doubleValue
        if let number, range.contains(number), !isEven || number.truncatingRemainder(dividingBy: 2) == 0 {
            return number
        }
        let (low, high) = (CaseExpectation.Wanted.shown(.number(range.lowerBound)), Int(range.upperBound))
        report(
            "out-of-range", "\"\(key)\" takes \(isEven ? "an even number" : "a number") between \(low) and \(high)",
            at: member.value.location)
        return nil
    }

    // MARK: Expectations

    private mutating func expectations(_ node: DocumentNode) -> [CaseExpectation] {
        var found: [CaseExpectation] = []
        if let member = node.member("expect"), let members = object(member.value, "\"expect\"") {
            checkKeys(members, Self.expectKeys)
            for member in members where Self.expectKeys.contains(member.key) { found += expectation(member) }
        }
        if !found.contains(where: { $0.path == ["exit"] }) {
            found.insert(CaseExpectation(path: ["exit"], wanted: .equal(0), location: node.location), at: 0)
        }
        return found
    }

    private mutating func expectation(_ member: DocumentNode.Member) -> [CaseExpectation] {
        switch member.key {
        case "maxDuration":
            guard let limit = member.value.json.doubleValue else {
                wrongType(member, "a number of seconds")
                return []
            }
            return [CaseExpectation(path: ["duration"], wanted: .atMost(limit), location: member.value.location)]
        case "diagnostics", "files":
            guard case .list(let elements, _) = member.value else {
                wrongType(member, "a list")
                return []
            }
            if elements.isEmpty {
                return [
                    CaseExpectation(path: [member.key], wanted: .equal(.array([])), location: member.value.location)
                ]
            }
            return elements.map {
                CaseExpectation(path: [member.key], wanted: .contains($0.json), location: $0.location)
            }
        case "post":
            guard let members = object(member.value, "\"post\""), holdsSomething(members, member) else { return [] }
            checkKeys(members, Self.postKeys)
            return members.flatMap { values($0, below: ["post"]) }
        case "stages":
            guard let members = object(member.value, "\"stages\""), holdsSomething(members, member) else { return [] }
            return members.flatMap { stage -> [CaseExpectation] in
                checkStage(stage.key, at: stage.keyLocation)
                guard let fields = object(stage.value, "an expectation of a stage"), holdsSomething(fields, stage)
                else { return [] }
                return fields.flatMap { values($0, below: ["stages", stage.key]) }
            }
        default: return values(member, below: [])
        }
    }

    /// Rejects an empty object of expectations, which would always pass.
    private mutating func holdsSomething(_ members: [DocumentNode.Member], _ member: DocumentNode.Member) -> Bool {
        if !members.isEmpty { return true }
        report(
            "empty-value", "\"\(member.key)\" expects nothing", hint: "add an expectation, or remove the key",
            at: member.value.location)
        return false
    }

    /// The expectations of one field: its value, its conditions, or those of its nested fields.
    private mutating func values(_ member: DocumentNode.Member, below path: [String]) -> [CaseExpectation] {
        let path = path + [member.key]
        guard let members = member.value.members else {
            return [CaseExpectation(path: path, wanted: .equal(member.value.json), location: member.value.location)]
        }
        guard holdsSomething(members, member) else { return [] }
        let words = ["atMost", "atLeast", "between", "matches", "contains"]
        guard members.contains(where: { words.contains($0.key) }) else {
            return members.flatMap { values($0, below: path) }
        }
        checkKeys(members, words)
        let wanted = members.compactMap { words.contains($0.key) ? condition($0) : nil }
        return [
            CaseExpectation(
                path: path, wanted: wanted.count == 1 ? wanted[0] : .all(wanted), location: member.value.location)
        ]
    }

    private mutating func condition(_ member: DocumentNode.Member) -> CaseExpectation.Wanted? {
        let value = member.value.json
        switch member.key {
        case "atMost", "atLeast":
            if let limit = value.doubleValue { return member.key == "atMost" ? .atMost(limit) : .atLeast(limit) }
            wrongType(member, "a number")
        case "between":
            if case .array(let limits) = value, limits.count == 2, let low = limits[0].doubleValue,
                let high = limits[1].doubleValue
            {
                if low <= high { return .all([.atLeast(low), .atMost(high)]) }
                report("out-of-range", "\"between\" takes the smaller number first", at: member.value.location)
            } else {
                wrongType(member, "a list of two numbers")
            }
        case "matches":
            guard let pattern = text(member) else { return nil }
            if (try? Regex(pattern)) != nil { return .matches(pattern) }
            report("wrong-type", "\"\(pattern)\" is not a valid regular expression", at: member.value.location)
        default:
            return .contains(value)
        }
        return nil
    }

    // MARK: Helpers

    /// Values for `${NAME}`. Settings of the program are reserved, because the test runner controls them.
    private mutating func environment(_ node: DocumentNode) -> [String: String] {
        guard let member = node.member("environment"), let members = object(member.value, "\"environment\"") else {
            return [:]
        }
        var values: [String: String] = [:]
        for member in members {
            if ["TIKTOK_", "SPREADER_"].contains(where: { member.key.hasPrefix($0) }) {
                report(
                    "reserved-name", "\(member.key) can't be set: each case gets its own sandbox and home folder",
                    at: member.keyLocation)
            } else if member.value.members != nil {
                wrongType(member, "text")
            } else {
                values[member.key] = Self.word(member.value.json)
            }
        }
        return values
    }

    private mutating func files(_ node: DocumentNode) -> [String: String] {
        guard let member = node.member("files"), let members = object(member.value, "\"files\"") else { return [:] }
        var files: [String: String] = [:]
        for member in members {
            guard let name = text(member) else { continue }
            if member.key.hasPrefix("/") || member.key.split(separator: "/").contains("..") {
                report(
                    "wrong-type", "\"\(member.key)\" is outside the case's folder",
                    hint: "use the path that the pipeline uses, relative to the current folder", at: member.keyLocation)
            }
            let path = beside(name)
            if !FileManager.default.fileExists(atPath: path) {
                report(
                    "no-input", "the file \"\(name)\" does not exist",
                    hint: "the path is relative to the test-case file",
                    at: member.value.location)
            }
            files[member.key] = path
        }
        return files
    }

    /// Resolves a path relative to this file's folder.
    private func beside(_ name: String) -> String {
        name.hasPrefix("/")
            ? name : URL(filePath: file).deletingLastPathComponent().appending(path: name).standardizedFileURL.path
    }

    /// Whether the pipeline has a stage with that id or type name; reports an error if it does not.
    @discardableResult
    private mutating func checkStage(_ name: String, at location: SourcePosition) -> Bool {
        guard let stages else { return false }
        if stages.contains(where: { $0.id == name || $0.type?.name.rawValue == name }) { return true }
        report(
            "unknown-stage", "the pipeline has no stage \"\(name)\"", hint: hint(name, stages.map(\.id)), at: location)
        return false
    }

    private mutating func checkKeys(_ members: [DocumentNode.Member], _ known: [String]) {
        for member in members where !known.contains(member.key) {
            report(
                "unknown-key", "unknown key \"\(member.key)\"", hint: hint(member.key, known), at: member.keyLocation)
        }
    }

    private mutating func object(_ node: DocumentNode, _ what: String) -> [DocumentNode.Member]? {
        if let members = node.members { return members }
        report("wrong-type", "\(what) is an object, not \(node.json.kind)", at: node.location)
        return nil
    }

    private mutating func text(_ member: DocumentNode.Member) -> String? {
        if let text = member.value.json.stringValue, !text.isEmpty { return text }
        if member.value.json == "" {
            report("wrong-type", "\"\(member.key)\" is empty", at: member.value.location)
        } else {
            wrongType(member, "text")
        }
        return nil
    }

    private mutating func word(_ member: DocumentNode.Member, _ known: [String]) -> String? {
        guard let word = text(member) else { return nil }
        if known.contains(word) { return word }
        report(
            "wrong-type", "\"\(member.key)\" takes one of \(known.joined(separator: ", ")), not \"\(word)\"",
            hint: NearestName.of(word, in: known).map { "did you mean \"\($0)\"?" }, at: member.value.location)
        return nil
    }

    /// A value in command-line form.
    private static func word(_ value: JSONValue) -> String { value.stringValue ?? (try? value.text()) ?? "" }

    private func hint(_ name: String, _ known: [String]) -> String {
        NearestName.of(name, in: known).map { "did you mean \"\($0)\"?" } ?? "known: \(known.joined(separator: ", "))"
    }

    private mutating func wrongType(_ member: DocumentNode.Member, _ wanted: String) {
        report(
            "wrong-type", "\"\(member.key)\" takes \(wanted), not \(member.value.json.kind)", at: member.value.location)
    }

    private mutating func report(_ code: String, _ message: String, hint: String? = nil, at location: SourcePosition) {
        findings.append(Diagnostic(code: code, message, hint: hint, location: location))
    }

    private mutating func report(_ finding: OptionFinding, _ member: DocumentNode.Member) {
        let problem = finding.problem
        report(
            problem.code, finding.concernsKey ? problem.message : "\"\(finding.key)\" \(problem.message)",
            hint: problem.hint, at: finding.concernsKey ? member.keyLocation : member.value.location)
    }
}
