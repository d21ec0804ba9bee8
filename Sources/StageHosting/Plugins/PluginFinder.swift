package import Foundation
package import PipelineKit

/// Finds plugins: folders with a `plugin.json`.
package enum PluginFinder {
    /// Returns the plugins in `folders`, each of which is a plugin or contains plugins. The first of two plugins with
    /// the same name wins.
    /// - Parameters:
    ///   - folders: Paths as the user wrote them, in order of precedence; missing folders are skipped.
    ///   - directory: The folder for relative paths.
    package static func find(
        in folders: [String], from directory: URL
    ) -> (plugins: [PluginManifest], findings: [Diagnostic]) {
        var plugins: [PluginManifest] = []
        var findings: [Diagnostic] = []
        for folder in folders {
            let url = folder.hasPrefix("/") ? URL(filePath: folder) : directory.appending(path: folder)
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
            let candidates =
                names.contains(PluginManifest.fileName)
                ? [(url, folder)]
                : names.filter { !$0.hasPrefix(".") }.map { (url.appending(path: $0), "\(folder)/\($0)") }
            for (location, display) in candidates {
                let path = location.appending(path: PluginManifest.fileName).path
                guard FileManager.default.fileExists(atPath: path) else { continue }
                let (manifest, problems) = PluginManifest.read(in: location.standardizedFileURL, named: display)
                // A broken plugin must not block the others: turn errors into warnings.
                findings += problems.map { problem in
                    var problem = problem
                    problem.severity = .warning
                    return problem
                }
                guard let manifest else { continue }
                if let first = plugins.first(where: { $0.name == manifest.name }) {
                    // Ignore a folder that is listed twice.
                    guard first.folder != manifest.folder else { continue }
                    findings.append(
                        Diagnostic(
                            .warning, code: "plugin-twice",
                            "plugin \(manifest.name) exists twice; using the one in \(first.file)",
                            hint: "remove or rename one of them", location: SourcePosition(file: manifest.file),
                            subject: .configuration))
                } else {
                    plugins.append(manifest)
                }
            }
        }
        return (plugins, findings)
    }
}
