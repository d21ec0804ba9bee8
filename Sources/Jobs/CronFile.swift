import Foundation
import PipelineFile
package import PipelineKit
import Store

/// The schedule of `worker --cron`: which footage to queue, and when.
package struct CronFile: Sendable {
    /// A pipeline and the times at which to queue its footage.
    package struct Entry: Sendable {
        /// Unique in the file. A tick is recorded under this name, so that it is queued only once.
        package var name: String
        var cron: CronExpression
        var zone: TimeZone
        package var pipeline: String
        package var inputs: [String]
        package var options: [String]
        var queue: String
        var priority: Int
        var labels: [String]
        var location: SourcePosition
    }

    var entries: [Entry]

    private static let keys = ["timeZone", "entries"]
    private static let entryKeys = [
        "name", "cron", "timeZone", "pipeline", "inputs", "post", "set", "queue", "priority", "labels",
    ]

    /// Reads a file, JSON or YAML.
    /// - Returns: The schedule, or nil if a finding is an error; and all findings.
    package static func read(_ path: String) -> (file: CronFile?, findings: [Diagnostic]) {
        guard let text = try? String(contentsOf: URL(filePath: path), encoding: .utf8) else {
            let finding = Diagnostic(
                code: "unreadable-cron", "the file \(path) does not exist or is not UTF-8 text",
                location: SourcePosition(file: path))
            return (nil, [finding])
        }
        let (root, syntax) = DocumentLoader.load(text, file: path, kind: .timeTable)
        guard let root else { return (nil, syntax) }
        var reader = Reader(findings: syntax)
        let entries = reader.read(root)
        let isWrong = reader.findings.contains { $0.severity == .error }
        return (isWrong ? nil : CronFile(entries: entries), reader.findings)
    }

    private struct Reader {
        var findings: [Diagnostic]

        mutating func report(_ code: String, _ message: String, hint: String? = nil, _ location: SourcePosition) {
            findings.append(Diagnostic(code: code, message, hint: hint, location: location))
        }

        mutating func read(_ root: DocumentNode) -> [Entry] {
            guard let members = known(root, CronFile.keys, "a schedule") else { return [] }
            let zone = members["timeZone"].flatMap { self.zone($0) } ?? .gmt
            guard let list = members["entries"], case .list(let elements, _) = list else {
                report(
                    "wrong-type", "a schedule needs a list \"entries\"", members["entries"]?.location ?? root.location)
                return []
            }
            var names: Set<String> = []
            return elements.compactMap { element in
                guard let entry = entry(element, zone) else { return nil }
                if !names.insert(entry.name).inserted {
                    report("duplicate-name", "two entries have the name \"\(entry.name)\"", element.location)
                }
                return entry
            }
        }

        private mutating func entry(_ node: DocumentNode, _ usual: TimeZone) -> Entry? {
            guard let members = known(node, CronFile.entryKeys, "an entry") else { return nil }
            guard let name = text(members, "name", node), let table = text(members, "cron", node),
                let pipeline = text(members, "pipeline", node)
            else { return nil }
            let cron: CronExpression
            do {
                cron = try CronExpression(table)
            } catch {
                report("bad-cron", error.message, members["cron"]?.location ?? node.location)
                return nil
            }
            return Entry(
                name: name, cron: cron, zone: members["timeZone"].flatMap { zone($0) } ?? usual, pipeline: pipeline,
                inputs: words(members["inputs"]),
                options: options(members["set"], "--set") + options(members["post"], "--post"),
                queue: queue(members["queue"]), priority: priority(members["priority"]),
                labels: words(members["labels"]), location: node.location)
        }

        /// The members of an object by key; reports unknown keys. Nil, with a finding, if the node is not an object.
        private mutating func known(
            _ node: DocumentNode, _ keys: [String], _ what: String
        ) -> [String: DocumentNode]? {
            guard let members = node.members else {
                report("wrong-type", "\(what) must be an object, not \(node.json.kind)", node.location)
                return nil
            }
            for member in members where !keys.contains(member.key) {
                report(
                    "unknown-key", "unknown key \"\(member.key)\"",
                    hint: NearestName.of(member.key, in: keys).map { "did you mean \"\($0)\"?" }
                        ?? "known: \(keys.joined(separator: ", "))", member.keyLocation)
            }
            return Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        }

        private mutating func text(_ members: [String: DocumentNode], _ key: String, _ node: DocumentNode) -> String? {
            if let text = members[key]?.json.stringValue, !text.isEmpty { return text }
            report("missing-key", "an entry needs \"\(key)\", a string", members[key]?.location ?? node.location)
            return nil
        }

        private mutating func queue(_ node: DocumentNode?) -> String {
            guard let node else { return "default" }
            if let queue = node.json.stringValue { return queue }
            report("wrong-type", "\"queue\" must be a string, not \(node.json.kind)", node.location)
            return "default"
        }

        private mutating func priority(_ node: DocumentNode?) -> Int {
            guard let node else { return 0 }
            guard let priority = node.json.integerValue else {
                report("wrong-type", "\"priority\" must be an integer, not \(node.json.kind)", node.location)
                return 0
            }
            if !(0...9).contains(priority) { report("out-of-range", "\"priority\" must be 0 to 9", node.location) }
            return Int(priority)
        }

        private mutating func words(_ node: DocumentNode?) -> [String] {
            guard let node else { return [] }
            if let word = node.json.stringValue { return [word] }
            if case .array(let values) = node.json, case let words = values.compactMap(\.stringValue),
                words.count == values.count
            {
                return words
            }
            report("wrong-type", "must be a list of strings, not \(node.json.kind)", node.location)
            return []
        }

        /// Turns `{"transcode.crf": 20}` into command-line words: `--set transcode.crf=20`.
        private mutating func options(_ node: DocumentNode?, _ flag: String) -> [String] {
            guard let node else { return [] }
            guard case .object(let values) = node.json else {
                report("wrong-type", "must be an object, not \(node.json.kind)", node.location)
                return []
            }
            return values.sorted { $0.key < $1.key }.flatMap { key, value in
                [flag, "\(key)=\(value.stringValue ?? (try? value.text()) ?? "")"]
            }
        }

        private mutating func zone(_ node: DocumentNode) -> TimeZone? {
            guard let name = node.json.stringValue, let zone = TimeZone(identifier: name) else {
                report(
                    "bad-time-zone", "\"timeZone\" must be a name such as \"Europe/Berlin\"", node.location)
                return nil
            }
            return zone
        }
    }
}
