import Foundation
import PipelineKit
import Store

/// Fingerprints a plugin's files, so that editing one invalidates cached outputs even if the version stays the same.
struct PluginFiles: Sendable {
    /// A plugin with more files has no fingerprint: its outputs are never reused.
    private static let mostFiles = 50_000
    /// Larger files, such as models and programs, count by size and modification time, to avoid reading them for each
    /// run.
    private static let longestRead: Int64 = 8_000_000

    private let folder: URL
    private let program: String

    init(_ manifest: PluginManifest) {
        // During development, the plugin's folder is often a symbolic link.
        folder = manifest.folder.resolvingSymlinksInPath()
        program = manifest.command.first ?? ""
    }

    /// A fingerprint of the files' names and contents. Skips hidden files and folders, except for the program itself.
    func fingerprint() async -> String {
        await BlockingWork.run(name: "plugin-files") { _ in computeFingerprint() }
    }

    private func computeFingerprint() -> String {
        guard let names = fileNames() else { return UUID().uuidString }
        var entries = Set(names).sorted().map { "\($0) \(contentFingerprint(folder.appending(path: $0).path))" }
        if program.contains("/") {
            let path = program.hasPrefix("/") ? program : folder.appending(path: program).path
            entries.append("\(program) \(contentFingerprint(path))")
        }
        return String(ContentDigest.sha256(entries.joined(separator: "\n")).prefix(12))
    }

    /// The paths of the files below the folder, relative to it; nil if there are too many.
    private func fileNames() -> [String]? {
        let keys: Set<URLResourceKey> = [.isRegularFileKey]
        let files = FileManager.default.enumerator(
            at: folder, includingPropertiesForKeys: Array(keys), options: [.skipsHiddenFiles])
        var names: [String] = []
        while let file = files?.nextObject() as? URL {
            if file.lastPathComponent == "__pycache__" { files?.skipDescendants() }
            guard (try? file.resourceValues(forKeys: keys).isRegularFile) == true else { continue }
            if names.count == Self.mostFiles { return nil }
            names.append(String(file.path.dropFirst(folder.path.count + 1)))
        }
        return names
    }

    private func contentFingerprint(_ path: String) -> String {
        guard let file = FileFingerprint(path) else { return "absent" }
        guard file.bytes <= Self.longestRead, let digest = try? ContentDigest.sha256(ofFile: path) else {
            return "\(file.bytes) \(file.modified)"
        }
        return digest
    }
}
