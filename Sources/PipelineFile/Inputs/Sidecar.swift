import Foundation
import PipelineKit

/// Files next to a footage file with the same stem: `clip.json` with post settings, or `clip.txt` with only the title,
/// override the pipeline's `post`.
package enum Sidecar {
    /// Includes subtitles, which a stage reads, so that they do not count as footage.
    private static let endings: Set<String> = ["json", "txt", "srt", "ass"]

    /// Whether a path has the extension of a sidecar.
    package static func hasEnding(_ path: String) -> Bool {
        endings.contains(URL(filePath: path).pathExtension.lowercased())
    }

    /// Whether `name` is a sidecar of another file in the listing.
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

    /// The sidecars of the file at `path`, sorted.
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

    /// Reads the post settings next to the file at `path`, and validates them.
    static func read(beside path: String, named name: String) -> (post: [String: JSONValue], findings: [Diagnostic]) {
        let stem = URL(filePath: path).deletingPathExtension()
        let display = URL(filePath: name).deletingPathExtension().relativePath
        let own = URL(filePath: path).pathExtension
        func text(_ ending: String) throws(FileText.Problem) -> String? {
            let file = stem.appendingPathExtension(ending)
            return own != ending && FileManager.default.fileExists(atPath: file.path)
                ? try FileText.read(file, kind: "remove it, or replace it with a text file") : nil
        }
        func unreadable(_ problem: FileText.Problem, _ ending: String) -> Diagnostic {
            Diagnostic(
                code: "unreadable-sidecar", "the sidecar \(display).\(ending) \(problem.message)", hint: problem.hint,
                location: SourcePosition(file: "\(display).\(ending)", line: problem.line, column: problem.column))
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
