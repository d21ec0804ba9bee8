import Foundation
import PipelineKit

/// Files next to a footage file with the same stem: `clip.json` with post settings, or `clip.txt` with only the title,
/// override the pipeline's `post`.
package enum Sidecar {
    /// Includes subtitles, which a stage reads, so that they do not count as footage.
    private static let endings: Set<String> = ["json", "txt", "srt", "ass"]

    /// Whether a path has the extension of a sidecar.
    package static func hasEnding(_ path: String) -> Bool { endings.contains(ending(of: path)) }

    /// Whether `name` is a sidecar of another file in the listing.
    static func isSidecar(_ name: String, among all: Set<String>) -> Bool {
        guard hasEnding(name) else { return false }
        let stem = String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
        return all.contains { other in
            guard other != name, other.hasPrefix(stem + ".") else { return false }
            let rest = other.dropFirst(stem.count + 1).lowercased()
            return !rest.contains(".") && !endings.contains(rest)
        }
    }

    /// The sidecars of the file at `path`, sorted.
    package static func paths(beside path: String) -> [String] {
        let folder = URL(filePath: path).deletingLastPathComponent()
        let own = URL(filePath: path).lastPathComponent
        let names = names(in: folder.path)[stem(of: path)] ?? []
        return names.filter { $0 != own }.map { folder.appending(path: $0).path }
    }

    /// The names of the sidecars in a folder by stem, sorted.
    fileprivate static func names(in folder: String) -> [String: [String]] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(hasEnding)
        return Dictionary(grouping: names.sorted(), by: stem)
    }

    /// The file name without its extension.
    fileprivate static func stem(of path: String) -> String {
        URL(filePath: path).deletingPathExtension().lastPathComponent
    }

    /// The extension in lower case.
    fileprivate static func ending(of path: String) -> String { URL(filePath: path).pathExtension.lowercased() }
}

/// Reads the post settings next to footage files, and lists each folder at most once.
struct SidecarReader {
    /// The names of the sidecars in a folder by stem, by the path of the folder.
    private var listings: [String: [String: [String]]] = [:]

    /// A sidecar with post settings.
    private struct File {
        var url: URL
        /// The name for findings.
        var name: String

        func text() throws(FileText.Problem) -> String {
            try FileText.read(url, kind: "remove it, or replace it with a text file")
        }
    }

    /// Reads and validates the post settings next to the file at `path`. `clip.json` takes precedence over `clip.txt`.
    /// - Parameter name: The path of the footage as the user gave it.
    mutating func read(beside path: String, named name: String) -> (post: [String: JSONValue], findings: [Diagnostic]) {
        guard let file = find("json", beside: path, named: name) ?? find("txt", beside: path, named: name) else {
            return ([:], [])
        }
        do throws(FileText.Problem) {
            let text = try file.text()
            guard Sidecar.ending(of: file.name) == "json" else {
                return (["title": .string(text.trimmingCharacters(in: .whitespacesAndNewlines))], [])
            }
            return Self.settings(text, file: file.name)
        } catch {
            let finding = Diagnostic(
                code: "unreadable-sidecar", "the sidecar \(file.name) \(error.message)", hint: error.hint,
                location: SourcePosition(file: file.name, line: error.line, column: error.column))
            return ([:], [finding])
        }
    }

    /// The sidecar with an extension in any case. Lower case is found even in a folder that can't be listed.
    private mutating func find(_ ending: String, beside path: String, named name: String) -> File? {
        let footage = URL(filePath: path)
        let folder = footage.deletingLastPathComponent()
        let usual = footage.deletingPathExtension().appendingPathExtension(ending)
        let url: URL
        if usual.path != footage.path, FileManager.default.fileExists(atPath: usual.path) {
            url = usual
        } else {
            let names = listing(of: folder.path)[Sidecar.stem(of: path)] ?? []
            let other = names.first { Sidecar.ending(of: $0) == ending && $0 != footage.lastPathComponent }
            guard let other else { return nil }
            url = folder.appending(path: other)
        }
        let stem = URL(filePath: name).deletingPathExtension().relativePath
        return File(url: url, name: "\(stem).\(url.pathExtension)")
    }

    private mutating func listing(of folder: String) -> [String: [String]] {
        if let names = listings[folder] { return names }
        let names = Sidecar.names(in: folder)
        listings[folder] = names
        return names
    }

    /// Parses and validates an object of post settings.
    private static func settings(_ text: String, file: String) -> (post: [String: JSONValue], findings: [Diagnostic]) {
        let (root, syntax) = DocumentLoader.load(text, file: file, kind: .sidecar)
        guard let root else { return ([:], syntax) }
        guard case .object(let object) = root.json else {
            let finding = Diagnostic(
                code: "wrong-type", "a sidecar is an object of post settings, not \(root.json.kind)",
                location: root.location)
            return ([:], [finding])
        }
        var findings = DocumentFindings()
        for finding in PostSettings.findings(in: object) {
            if let member = root.member(finding.key) { findings.report(finding, of: member, pointer: "") }
        }
        return (object, findings.inFileOrder)
    }
}
