package import Foundation
import Glibc
package import PipelineKit

/// A footage file that a run processes.
package struct AssetInput: Sendable, Hashable {
    /// The path as the user gave it; unique within a run. ``path`` is absolute.
    package var name: String
    package var path: String
    /// Post settings from the sidecar, which override those of the pipeline.
    package var post: [String: JSONValue]

    package init(name: String, path: String, post: [String: JSONValue]) {
        self.name = name
        self.path = path
        self.post = post
    }
}

/// Expands the inputs of a pipeline or a command line to footage files.
package enum InputResolver {
    /// Expands `inputs` and reads the sidecars. Files are sorted within each pattern, and each file occurs once.
    /// - Parameters:
    ///   - inputs: Paths, folders or patterns (`*`, `?`, `[…]`), with their locations.
    ///   - directory: The base of relative paths.
    /// - Returns: The readable assets, and findings for missing or unreadable files and invalid sidecars.
    package static func resolve(
        _ inputs: [(pattern: String, location: SourcePosition)], in directory: URL
    ) -> (assets: [AssetInput], findings: [Diagnostic]) {
        var assets: [AssetInput] = []
        var findings: [Diagnostic] = []
        var seen: Set<String> = []
        var sidecars = SidecarReader()
        for (pattern, location) in inputs {
            let paths = expand(pattern, in: directory)
            if paths.isEmpty {
                let isPattern = pattern.contains { "*?[".contains($0) }
                findings.append(
                    Diagnostic(
                        code: "no-input",
                        isPattern ? "no file matches \"\(pattern)\"" : "the file \"\(pattern)\" does not exist",
                        hint: "paths are relative to the current folder, \(directory.path)", location: location,
                        subject: .footage, asset: pattern))
            }
            for name in paths {
                let path = absolute(name, in: directory)
                guard seen.insert(path).inserted else { continue }
                if let problem = readability(path) {
                    findings.append(
                        Diagnostic(
                            code: "unreadable-footage", "\(name): \(problem)", location: location, subject: .footage,
                            asset: name))
                    continue
                }
                let (post, problems) = sidecars.read(beside: path, named: name)
                findings += problems.map { finding in
                    var finding = finding
                    finding.subject = .footage
                    finding.asset = name
                    return finding
                }
                guard problems.isEmpty else { continue }
                assets.append(AssetInput(name: name, path: path, post: post))
            }
        }
        return (assets, findings)
    }

    private static func absolute(_ name: String, in directory: URL) -> String {
        (name.hasPrefix("/") ? URL(filePath: name) : directory.appending(path: name)).standardizedFileURL.path
    }

    private static func readability(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return String(cString: strerror(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return "not a regular file" }
        guard status.st_size > 0 else { return "the file is empty" }
        guard access(path, R_OK) == 0 else { return String(cString: strerror(errno)) }
        return nil
    }

    private static func expand(_ pattern: String, in directory: URL) -> [String] {
        var isDirectory: ObjCBool = false
        let path = absolute(pattern, in: directory)
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
            guard isDirectory.boolValue else { return [pattern] }
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let folder = pattern.hasSuffix("/") ? String(pattern.dropLast()) : pattern
            return footage(names.map { "\(folder)/\($0)" }, in: directory)
        }
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [] }
        var result = glob_t()
        defer { globfree(&result) }
        let isAbsolute = pattern.hasPrefix("/")
        let prefix = isAbsolute ? "" : escaped(directory.path) + "/"
        guard glob(prefix + pattern, 0, nil, &result) == 0 else { return [] }
        var names: [String] = []
        for index in 0..<Int(result.gl_pathc) {
            guard let entry = result.gl_pathv[index] else { continue }
            let found = String(cString: entry)
            names.append(isAbsolute ? found : String(found.dropFirst(directory.path.count + 1)))
        }
        return footage(names, in: directory)
    }

    private static func escaped(_ path: String) -> String { path.replacing(/[*?\[\]\\]/) { "\\\($0.0)" } }

    /// Drops folders, hidden files and sidecars, and sorts the rest.
    private static func footage(_ names: [String], in directory: URL) -> [String] {
        let all = Set(names)
        return names.filter { name in
            let path = absolute(name, in: directory)
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue,
                !URL(filePath: path).lastPathComponent.hasPrefix(".")
            else { return false }
            return !Sidecar.isSidecar(name, among: all)
        }.sorted()
    }
}
