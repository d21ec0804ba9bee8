package import Foundation
import PipelineFile
package import PipelineKit

/// A plugin's `plugin.json`: how to start the plugin and what it requests, known before any of its code runs.
package struct PluginManifest: Sendable {
    /// The name of the file in a plugin's folder.
    package static let fileName = "plugin.json"

    /// The plugin's name: lower-case words joined with hyphens, unique on a machine.
    package var name: String
    /// The plugin's version, for users and for the cache key.
    package var version: String
    /// A description for users; empty if left out.
    package var summary = ""
    /// The program and its arguments. A program with a slash is relative to the plugin's folder, others are searched
    /// for in `PATH`.
    package var command: [String]
    /// The names of its stages.
    package var stages: [String]
    /// The names of secrets that it requests.
    package var secrets: [String] = []
    /// The names of environment variables that it requests.
    package var environment: [String] = []
    /// The resource limits that it sets for itself.
    package var limits = Limits()
    package var folder: URL
    /// The path of the manifest for messages; the plugin's name if there is no file.
    package var file: String

    /// Resource limits of a plugin, which can only lower those of the host; nil for the host's limit.
    package struct Limits: Sendable {
        /// Resident memory of all its processes together.
        package var memory: ByteCount?
        /// Processor time of one request.
        package var processor: Duration?
        /// Wall time of one request.
        package var time: Duration?
    }

    /// Creates a manifest without a file, such as for the program's own stages.
    package init(name: String, version: String, command: [String], stages: [String], folder: URL) {
        self.name = name
        self.version = version
        self.command = command
        self.stages = stages
        self.folder = folder
        file = name
    }

    /// Reads the manifest in `folder`.
    /// - Parameter display: The folder's path for messages.
    /// - Returns: The manifest, or nil and the problems that were found.
    package static func read(
        in folder: URL, named display: String
    ) -> (manifest: PluginManifest?, findings: [Diagnostic]) {
        let file = display + "/" + fileName
        let text: String
        do {
            text = try String(contentsOf: folder.appending(path: fileName), encoding: .utf8)
        } catch {
            let finding = Diagnostic(
                code: "plugin-manifest", "the plugin's manifest \(file) can't be read as UTF-8 text",
                location: SourcePosition(file: file, line: 1, column: 1))
            return (nil, [finding])
        }
        let (root, syntax) = DocumentLoader.load(text, file: file, kind: .manifest)
        guard let root else {
            let findings = syntax.map { finding in
                var finding = finding
                (finding.code, finding.subject) = ("plugin-manifest", .configuration)
                return finding
            }
            return (nil, findings)
        }
        var reader = ManifestReader(file: file)
        let manifest = reader.read(root, folder: folder)
        return (reader.findings.isEmpty ? manifest : nil, reader.findings)
    }
}

/// Reads one manifest and collects all problems.
private struct ManifestReader {
    let file: String
    var findings: [Diagnostic] = []

    private static let keys = [
        "$schema", "name", "version", "description", "command", "stages", "secrets", "environment", "limits",
    ]
    private static let limitKeys = ["memory", "processor", "time"]

    init(file: String) { self.file = file }

    mutating func read(_ root: DocumentNode, folder: URL) -> PluginManifest? {
        guard root.members != nil else {
            report("wrong-type", "a plugin's manifest must be an object, not \(root.json.kind)", at: root.location)
            return nil
        }
        checkKeys(of: root, known: Self.keys)
        let name = requiredText("name", of: root, expected: #"a name such as "captions""#)
        if let name, name.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) == nil {
            report(
                "wrong-type", "\"name\" must be lower-case words joined with hyphens, not \"\(name)\"",
                at: root.member("name")?.value.location ?? root.location)
        }
        var manifest = PluginManifest(
            name: name ?? "", version: requiredText("version", of: root, expected: #"a version such as "1.0.0""#) ?? "",
            command: requiredList("command", of: root, expected: #"a list such as ["./captions"]"#),
            stages: requiredList("stages", of: root, expected: #"a list of names such as ["captions"]"#),
            folder: folder)
        manifest.summary = text("description", of: root) ?? ""
        manifest.secrets = variableNames("secrets", of: root)
        manifest.environment = variableNames("environment", of: root)
        manifest.limits = limits(of: root)
        manifest.file = file
        return findings.isEmpty ? manifest : nil
    }

    private mutating func text(_ key: String, of root: DocumentNode) -> String? {
        guard let member = root.member(key) else { return nil }
        if let text = member.value.json.stringValue, !text.isEmpty { return text }
        report("wrong-type", "\"\(key)\" takes text, not \(member.value.json.kind)", at: member.value.location)
        return nil
    }

    private mutating func requiredText(_ key: String, of root: DocumentNode, expected: String) -> String? {
        if root.member(key) == nil { reportMissing(key, in: root, expected: expected) }
        return text(key, of: root)
    }

    private mutating func list(_ key: String, of root: DocumentNode, expected: String) -> [String] {
        guard let member = root.member(key) else { return [] }
        guard case .list(let elements, _) = member.value else {
            report("wrong-type", "\"\(key)\" takes \(expected)", at: member.value.location)
            return []
        }
        return elements.compactMap { element in
            if let text = element.json.stringValue, !text.isEmpty { return text }
            report("wrong-type", "\"\(key)\" takes \(expected)", at: element.location)
            return nil
        }
    }

    /// Reads a list that must have elements.
    private mutating func requiredList(_ key: String, of root: DocumentNode, expected: String) -> [String] {
        guard let member = root.member(key) else {
            reportMissing(key, in: root, expected: expected)
            return []
        }
        if case .list(let elements, _) = member.value, elements.isEmpty {
            report("wrong-type", "\"\(key)\" takes \(expected)", at: member.value.location)
        }
        return list(key, of: root, expected: expected)
    }

    /// Reads a list of names of environment variables.
    private mutating func variableNames(_ key: String, of root: DocumentNode) -> [String] {
        let names = list(key, of: root, expected: #"a list of names such as ["CAPTIONS_API_KEY"]"#)
        for name in names where name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) == nil {
            report(
                "wrong-type", "\"\(name)\" in \"\(key)\" is not a valid name of an environment variable",
                at: root.member(key)?.value.location ?? root.location)
        }
        return names
    }

    private mutating func limits(of root: DocumentNode) -> PluginManifest.Limits {
        var limits = PluginManifest.Limits()
        guard let member = root.member("limits") else { return limits }
        guard member.value.members != nil else {
            report(
                "wrong-type", "\"limits\" takes an object such as { \"memory\": \"2GB\" }", at: member.value.location)
            return limits
        }
        checkKeys(of: member.value, known: Self.limitKeys)
        limits.memory = value(of: "memory", in: member.value)
        limits.processor = value(of: "processor", in: member.value)
        limits.time = value(of: "time", in: member.value)
        return limits
    }

    private mutating func value<Value: OptionValue>(of key: String, in node: DocumentNode) -> Value? {
        guard let member = node.member(key) else { return nil }
        do throws(OptionProblem) {
            return try Value.parse(member.value.json)
        } catch {
            report(error.code, "\"\(key)\" \(error.message)", hint: error.hint, at: member.value.location)
            return nil
        }
    }

    private mutating func checkKeys(of node: DocumentNode, known: [String]) {
        for member in node.members ?? [] where !known.contains(member.key) {
            let problem = OptionProblem.unknownKey(member.key, known: known)
            report(problem.code, problem.message, hint: problem.hint, at: member.keyLocation)
        }
    }

    private mutating func reportMissing(_ key: String, in root: DocumentNode, expected: String) {
        report("missing-key", "a plugin's manifest needs \"\(key)\", \(expected)", at: root.location)
    }

    private mutating func report(_ code: String, _ message: String, hint: String? = nil, at location: SourcePosition) {
        findings.append(
            Diagnostic(code: code, message, hint: hint, location: location, subject: .configuration))
    }
}
