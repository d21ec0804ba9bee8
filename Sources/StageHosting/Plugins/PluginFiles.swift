import Foundation
import PipelineKit
import Store

/// The files that make a plugin: an author who edits one wants to see what comes of it, whatever the version says.
struct PluginFiles: Sendable {
    /// More than anybody writes.
    private static let most = 50_000
    /// Larger files, such as models and programs, count by their size and time: they would be read for each run.
    private static let longestRead: Int64 = 8_000_000

    private let folder: URL
    private let program: String

    init(_ manifest: PluginManifest) {
        // While a plugin is being written, its folder is often a link to where that happens.
        folder = manifest.folder.resolvingSymlinksInPath()
        program = manifest.command.first ?? ""
    }

    /// What changes with the files' names and contents, and with nothing else. Hidden folders count only by the program
    /// itself.
    func mark() async -> String { await BlockingWork.run(name: "plugin-files") { _ in make() } }

    private func make() -> String {
        guard let names = names() else { return UUID().uuidString }
        var marks = Set(names).sorted().map { "\($0) \(content(folder.appending(path: $0).path))" }
        if program.contains("/") {
            let path = program.hasPrefix("/") ? program : folder.appending(path: program).path
            marks.append("\(program) \(content(path))")
        }
        return String(ContentDigest.sha256(marks.joined(separator: "\n")).prefix(12))
    }

    /// The files below the folder; nil when there are so many that nothing tells whether they are the same.
    private func names() -> [String]? {
        let keys: Set<URLResourceKey> = [.isRegularFileKey]
        let files = FileManager.default.enumerator(
            at: folder, includingPropertiesForKeys: Array(keys), options: [.skipsHiddenFiles])
        var names: [String] = []
        while let file = files?.nextObject() as? URL {
            if file.lastPathComponent == "__pycache__" { files?.skipDescendants() }
            guard (try? file.resourceValues(forKeys: keys).isRegularFile) == true else { continue }
            if names.count == Self.most { return nil }
            names.append(String(file.path.dropFirst(folder.path.count + 1)))
        }
        return names
    }

    private func content(_ path: String) -> String {
        guard let mark = FileMark(path) else { return "absent" }
        guard mark.bytes <= Self.longestRead, let digest = try? ContentDigest.sha256(ofFile: path) else {
            return "\(mark.bytes) \(mark.modified)"
        }
        return digest
    }
}
