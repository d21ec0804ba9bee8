import Foundation
package import PipelineFile
package import PipelineKit
import Store

/// All that decides the output of a stage: its digest is the key under which the output is reused.
package struct ReuseParts: Codable, Sendable, Hashable {
    /// The stage's name.
    package var stage: String
    /// The stage's version, and that of its plugin.
    package var version: String
    /// Every option with its value.
    package var options: [String: JSONValue]
    /// Digests of options that must not be shown.
    private var secrets: [String: String]
    /// The footage's file name, which stages may use.
    package var footage: String
    /// What the stage before decided by; the footage's digest for the first.
    package var before: String
    /// Digests of the files that it takes.
    package var files: [String]
    /// Files beyond its input that it reads, by path: their digests, or that they are absent.
    package var beside: [String: String]

    /// What stands for a file that is not there.
    package static let absent = "absent"

    /// The key.
    package var key: String {
        get throws(StageError) {
            do {
                return ContentDigest.sha256(try JSONValue(encoding: self).text())
            } catch {
                throw StageError(.internalFault, "the options of \(stage) have no JSON form: \(error)")
            }
        }
    }

    /// The parts for a stage and what it takes.
    /// - Parameters:
    ///   - before: The key of the stage before, or the footage's digest.
    ///   - footage: The footage's path.
    init(
        _ stage: PipelineStage, _ input: any Artifact, before: String, footage: String, digests: FileDigests
    ) async throws(StageError) {
        self.stage = stage.type.name.rawValue
        version = stage.type.mark.map { "\(stage.type.version) of \($0)" } ?? "\(stage.type.version)"
        options = stage.stage.options
        secrets = [:]
        for option in stage.type.options where option.isSecret {
            guard let value = options[option.name], value != .null else { continue }
            options[option.name] = .string(Self.hidden)
            secrets[option.name] = ContentDigest.sha256((try? value.text()) ?? "")
        }
        self.footage = URL(filePath: footage).lastPathComponent
        self.before = before
        files = input.files.compactMap(\.sha256)
        beside = [:]
        let folder = URL(filePath: footage).deletingLastPathComponent().path + "/"
        // Off the pool: which font is meant, fontconfig finds out on the disk.
        let paths = await BlockingWork.run(name: "dependencies") { _ in stage.stage.dependencies(input) }
        for path in paths {
            // The same files in another place are the same.
            let name =
                path.hasPrefix(folder)
                ? "./\(path.dropFirst(folder.count))" : URL(filePath: path).lastPathComponent
            let digest = try await Self.digest(of: path, digests)
            beside[beside[name] == nil ? name : "\(name) (\(beside.count + 1))"] = digest
        }
    }

    /// The digest of a file, or of all that is in a folder. What can't be read is never the same as before.
    private static func digest(of path: String, _ digests: FileDigests) async throws(StageError) -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return absent }
        do throws(StageError) {
            guard isFolder.boolValue else { return try await digests.sha256(of: path) }
            var lines: [String] = []
            for file in await BlockingWork.run(name: "dependencies", { _ in files(below: path) }) {
                lines.append("\(file) \(try await digests.sha256(of: "\(path)/\(file)"))")
            }
            return ContentDigest.sha256(lines.joined(separator: "\n"))
        } catch {
            guard error.code != .cancelled else { throw error }
            return "unreadable \(UUID().uuidString)"
        }
    }

    private static func files(below folder: String) -> [String] {
        (FileManager.default.subpaths(atPath: folder) ?? []).sorted().filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(folder)/\($0)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }
    }

    /// The parts as they are kept on disk: without what would tell a secret.
    var shown: ReuseParts {
        var copy = self
        copy.secrets = secrets.mapValues { _ in Self.hidden }
        return copy
    }

    private static let hidden = "‹redacted›"

    /// Which part of a series it is, as the key has it; nil for whole footage.
    var part: Substring? { before.firstIndex(of: "\n").map { before[$0...] } }

    /// The mark of a plugin's files stands in brackets behind its version, and tells nobody anything.
    private static func difference(of now: String, from then: String) -> String {
        func named(_ version: String) -> String {
            version.prefix { $0 != "(" }.trimmingCharacters(in: .whitespaces)
        }
        guard named(now) == named(then) else { return "the stage is version \(named(now)), it was \(named(then))" }
        return "the plugin's files have changed, and its version has not"
    }

    /// How these parts differ from earlier ones, one sentence each; the stage before is left to its own parts.
    package func differences(from earlier: ReuseParts) -> [String] {
        var words: [String] = []
        if version != earlier.version { words.append(Self.difference(of: version, from: earlier.version)) }
        for name in Set(options.keys).union(earlier.options.keys).sorted() {
            // By their text: 23 comes back from the disk as another kind of number.
            func shown(_ value: JSONValue?) -> String { value.flatMap { try? $0.text() } ?? "not there" }
            let (now, then) = (shown(options[name]), shown(earlier.options[name]))
            if now != then { words.append("option \(name) is \(now), it was \(then)") }
        }
        if footage != earlier.footage { words.append("the footage is called \(footage), it was \(earlier.footage)") }
        for path in Set(beside.keys).union(earlier.beside.keys).sorted() where beside[path] != earlier.beside[path] {
            switch (beside[path], earlier.beside[path]) {
            case (Self.absent?, _): words.append("\(path) is gone")
            case (_, Self.absent?): words.append("\(path) is new")
            case (nil, _): words.append("\(path) is not read any more")
            case (_, nil): words.append("\(path) is read, too")
            default: words.append("\(path) has another content")
            }
        }
        if words.isEmpty, !secrets.isEmpty, before == earlier.before {
            words.append("a secret option may have changed: \(secrets.keys.sorted().joined(separator: ", "))")
        }
        if files != earlier.files, before == earlier.before {
            words.append("the files that it takes have another content")
        }
        return words
    }
}
