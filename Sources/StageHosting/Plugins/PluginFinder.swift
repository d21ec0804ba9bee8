package import Foundation
package import PipelineKit

/// Finds plugins: folders with a `plugin.json`.
package enum PluginFinder {
    /// The plugins in `folders`: each may be a plugin itself, or hold plugins. Of two with the same name the first holds.
    /// - Parameters:
    ///   - folders: Paths as people write them, in order; those that don't exist are passed over.
    ///   - directory: What relative paths are relative to.
    package static func find(
        in folders: [String], from directory: URL
    ) -> (plugins: [PluginManifest], findings: [Diagnostic]) {
        var plugins: [PluginManifest] = []
        var findings: [Diagnostic] = []
        for folder in folders {
            let url = folder.hasPrefix("/") ? URL(filePath: folder) : directory.appending(path: folder)
            let names = ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
            let places =
                names.contains(PluginManifest.fileName)
                ? [(url, folder)]
                : names.filter { !$0.hasPrefix(".") }.map { (url.appending(path: $0), "\(folder)/\($0)") }
            for (place, display) in places {
                let path = place.appending(path: PluginManifest.fileName).path
                guard FileManager.default.fileExists(atPath: path) else { continue }
                let (manifest, problems) = PluginManifest.read(in: place.standardizedFileURL, named: display)
                // One broken plugin is no reason to do without the others.
                findings += problems.map { problem in
                    var problem = problem
                    problem.severity = .warning
                    return problem
                }
                guard let manifest else { continue }
                if let first = plugins.first(where: { $0.name == manifest.name }) {
                    // The same folder named twice is no news.
                    guard first.folder != manifest.folder else { continue }
                    findings.append(
                        Diagnostic(
                            .warning, code: "plugin-twice",
                            "plugin \(manifest.name) is there twice; the one of \(first.file) is used",
                            hint: "remove or rename one of them", location: SourceLocation(file: manifest.file),
                            subject: .configuration))
                } else {
                    plugins.append(manifest)
                }
            }
        }
        return (plugins, findings)
    }
}
