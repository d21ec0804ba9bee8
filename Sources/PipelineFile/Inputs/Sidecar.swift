import Foundation
import PipelineKit

/// What stands beside a piece of footage to override its post: `clip.json` with keys of `post`, or `clip.txt` with the
/// title alone.
package enum Sidecar {
    /// Subtitles are no footage either: a stage reads them.
    private static let endings: Set<String> = ["json", "txt", "srt", "ass"]

    /// Whether a path ends as sidecars do.
    package static func hasEnding(_ path: String) -> Bool {
        endings.contains(URL(filePath: path).pathExtension.lowercased())
    }

    /// Whether `name` is a sidecar of another file in the same listing.
    static func isSidecar(_ name: String, among all: Set<String>) -> Bool {
        let lower = name.lowercased()
        guard endings.contains(where: { lower.hasSuffix("." + $0) }) else { return false }
        let stem = String(name[..<(name.lastIndex(of: ".") ?? name.endIndex)])
        return all.contains { other in
            guard other != name, other.hasPrefix(stem + ".") else { return false }
            let rest = other.dropFirst(stem.count + 1).lowercased()
            return !rest.contains(".") && !endings.contains(rest)
        }
    }

    /// What stands beside the file at `path`, by name.
    package static func paths(beside path: String) -> [String] {
        let file = URL(filePath: path)
        let (folder, name) = (file.deletingLastPathComponent(), file.lastPathComponent)
        let stem = file.deletingPathExtension().lastPathComponent
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { other in
            let url = URL(filePath: other)
            return other != name && url.deletingPathExtension().lastPathComponent == stem
                && endings.contains(url.pathExtension.lowercased())
        }.sorted().map { folder.appending(path: $0).path }
    }

    /// The overrides beside the file at `path`, and what is wrong with them.
    static func read(beside path: String, named name: String) -> (post: [String: JSONValue], findings: [Diagnostic]) {
        let stem = URL(filePath: path).deletingPathExtension()
        let display = URL(filePath: name).deletingPathExtension().relativePath
        let own = URL(filePath: path).pathExtension
        func text(_ ending: String) throws(FileText.Problem) -> String? {
            let file = stem.appendingPathExtension(ending)
            return own != ending && FileManager.default.fileExists(atPath: file.path)
                ? try FileText.read(file, kind: "remove it, or put a file of text there") : nil
        }
        func unreadable(_ problem: FileText.Problem, _ ending: String) -> Diagnostic {
            Diagnostic(
                code: "unreadable-sidecar", "the sidecar \(display).\(ending) \(problem.message)", hint: problem.hint,
                location: SourceLocation(file: "\(display).\(ending)", line: problem.line, column: problem.column))
        }
        let json: String?
        let title: String?
        do throws(FileText.Problem) {
            json = try text("json")
        } catch {
            return ([:], [unreadable(error, "json")])
        }
        if let json {
            let (root, syntax) = DocumentLoader.load(json, file: display + ".json", kind: .sidecar)
            guard let root else { return ([:], syntax) }
            guard case .object(let object) = root.json else {
                let finding = Diagnostic(
                    code: "wrong-type", "a sidecar is an object of post settings, not \(root.json.kind)",
                    location: root.location)
                return ([:], [finding])
            }
            var findings = syntax
            for finding in PostSettings.findings(in: object) {
                let member = root.member(finding.key)
                findings.append(
                    Diagnostic(
                        code: finding.problem.code,
                        finding.concernsKey
                            ? finding.problem.message : "\"\(finding.key)\" \(finding.problem.message)",
                        hint: finding.problem.hint,
                        location: finding.concernsKey ? member?.keyLocation : member?.value.location,
                        pointer: "/\(finding.key)"))
            }
            findings.sort {
                ($0.location?.line ?? 0, $0.location?.column ?? 0) < ($1.location?.line ?? 0, $1.location?.column ?? 0)
            }
            return (object, findings)
        }
        do throws(FileText.Problem) {
            title = try text("txt")
        } catch {
            return ([:], [unreadable(error, "txt")])
        }
        if let title {
            return (["title": .string(title.trimmingCharacters(in: .whitespacesAndNewlines))], [])
        }
        return ([:], [])
    }
}
