import Foundation
import PipelineFile
package import PipelineKit
import Store

/// Everything that determines the output of a stage. Its digest is the cache key.
package struct ReuseParts: Codable, Sendable, Hashable {
    /// The name of the stage type.
    package var stage: String
    /// The version of the stage type, with the fingerprint of its plugin.
    package var version: String
    /// All options with their values; secret ones are redacted.
    package var options: [String: JSONValue]
    /// The digests of secret options.
    private var secrets: [String: String]
    /// The file name of the footage, which stages may use.
    package var footage: String
    /// The trace of the previous stage, normally its key; the digest of the footage for the first stage.
    package var before: String
    /// The digests of the input files.
    package var files: [String]
    /// The digests of other files that the stage reads, by path, or ``absent``.
    package var beside: [String: String]

    /// The placeholder for the digest of a missing file.
    package static let absent = "absent"

    /// The cache key.
    package var key: String {
        get throws(StageError) {
            do {
                return ContentDigest.sha256(try JSONValue(encoding: self).text())
            } catch {
                throw StageError(.internalFault, "the options of \(stage) have no JSON form: \(error)")
            }
        }
    }

    /// Collects the parts for a stage and its input.
    /// - Parameters:
    ///   - before: The trace of the previous stage, or the digest of the footage.
    ///   - footage: The path of the footage.
    init(
        _ stage: PipelineStage, _ input: any Artifact, before: String, footage: String, digests: FileDigests
    ) async throws(StageError) {
        self.stage = stage.type.name.rawValue
        version = stage.type.fingerprint.map { "\(stage.type.version) of \($0)" } ?? "\(stage.type.version)"
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
        // Off the cooperative pool: resolving a font through fontconfig reads the disk.
        let paths = await BlockingWork.run(name: "dependencies") { _ in stage.stage.dependencies(input) }
        for path in paths {
            // Use paths relative to the footage, so that moving all files together does not change the key.
            let name =
                path.hasPrefix(folder)
                ? "./\(path.dropFirst(folder.count))" : URL(filePath: path).lastPathComponent
            let digest = try await Self.digest(of: path, digests)
            beside[beside[name] == nil ? name : "\(name) (\(beside.count + 1))"] = digest
        }
    }

    /// The digest of a file, or of all files in a folder. An unreadable file gets a unique value that never matches.
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

    /// The parts as stored on disk, without the digests of secrets.
    var shown: ReuseParts {
        var copy = self
        copy.secrets = secrets.mapValues { _ in Self.hidden }
        return copy
    }

    private static let hidden = "‹redacted›"

    /// The suffix of ``before`` that identifies the part of a series; nil for whole footage.
    var part: Substring? { before.firstIndex(of: "\n").map { before[$0...] } }

    /// Describes a change of version. The fingerprint of a plugin, in parentheses after its version, is not shown.
    private static func difference(of now: String, from then: String) -> String {
        func named(_ version: String) -> String {
            version.prefix { $0 != "(" }.trimmingCharacters(in: .whitespaces)
        }
        guard named(now) == named(then) else { return "the stage is version \(named(now)), it was \(named(then))" }
        return "the plugin's files have changed, but its version has not"
    }

    /// The differences from earlier parts, one clause each. Ignores ``before``: the previous stage has its own parts.
    package func differences(from earlier: ReuseParts) -> [String] {
        var words: [String] = []
        if version != earlier.version { words.append(Self.difference(of: version, from: earlier.version)) }
        for name in Set(options.keys).union(earlier.options.keys).sorted() {
            // Compare texts: 23 may be decoded from disk as another case of JSONValue.
            func shown(_ value: JSONValue?) -> String { value.flatMap { try? $0.text() } ?? "not set" }
            let (now, then) = (shown(options[name]), shown(earlier.options[name]))
            if now != then { words.append("option \(name) is \(now), it was \(then)") }
        }
        if footage != earlier.footage { words.append("the footage is named \(footage), it was \(earlier.footage)") }
        for path in Set(beside.keys).union(earlier.beside.keys).sorted() where beside[path] != earlier.beside[path] {
            switch (beside[path], earlier.beside[path]) {
            case (Self.absent?, _): words.append("\(path) is missing")
            case (_, Self.absent?): words.append("\(path) is new")
            case (nil, _): words.append("\(path) is no longer read")
            case (_, nil): words.append("\(path) is now also read")
            default: words.append("\(path) has changed")
            }
        }
        if words.isEmpty, !secrets.isEmpty, before == earlier.before {
            words.append("a secret option may have changed: \(secrets.keys.sorted().joined(separator: ", "))")
        }
        if files != earlier.files, before == earlier.before {
            words.append("its input files have changed")
        }
        return words
    }
}
