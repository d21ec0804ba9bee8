import Foundation

/// The folder of one sandbox and the files in it.
///
/// `journal.jsonl` holds every change of the state, `log.jsonl` every request, `media/` the uploaded bytes, `sandbox.env` the settings
/// for a client, `port` the port that was used last. `lock` keeps a second sandbox out.
final class DataDirectory: Sendable {
    let root: URL
    private let lockFile: PosixFile

    /// Creates the folder when it is missing and locks it.
    init(_ root: URL) throws(SandboxError) {
        self.root = root.standardizedFileURL
        do {
            for folder in [self.root, self.root.appendingPathComponent("media")] {
                try FileManager.default.createDirectory(
                    at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
            lockFile = try PosixFile(self.root.appendingPathComponent("lock"), .readWrite)
        } catch {
            throw SandboxError(
                .storage, "the sandbox cannot use the folder \(root.path): \(error)",
                hint: "choose a folder that you may write with --data")
        }
        guard lockFile.tryLock() else {
            throw SandboxError(
                .inUse, "another sandbox is using the folder \(root.path)",
                hint: "stop it, or give this one its own --data")
        }
    }

    /// Lets another sandbox use the folder.
    func unlock() { lockFile.unlock() }

    var journal: URL { root.appendingPathComponent("journal.jsonl") }
    var log: URL { root.appendingPathComponent("log.jsonl") }
    var environmentFile: URL { root.appendingPathComponent("sandbox.env") }

    /// The file that receives the bytes of an upload and keeps them for the feed.
    func media(_ publishID: String) -> URL {
        // Publish ids come from our own generator; the name is made safe all the same.
        let name = publishID.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "-" }
        return root.appendingPathComponent("media").appendingPathComponent(String(name))
    }

    /// The port that the last run listened on.
    var rememberedPort: Int? {
        guard let text = try? String(contentsOf: root.appendingPathComponent("port"), encoding: .utf8) else {
            return nil
        }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap { (1...65535).contains($0) ? $0 : nil }
    }

    /// Keeps the port for the next run, so that the URLs of pending uploads stay valid.
    func remember(port: Int) throws {
        try replace(root.appendingPathComponent("port"), with: Data("\(port)\n".utf8))
    }

    /// Writes the settings for a client, readable by the owner only.
    func writeEnvironment(_ endpoint: SandboxEndpoint) throws {
        let lines = endpoint.environment.map { "\($0.name)=\($0.value)\n" }.joined()
        try replace(environmentFile, with: Data(lines.utf8))
    }

    /// Writes aside with mode 0600 and renames, so that a reader or a kill never sees half a file.
    private func replace(_ url: URL, with data: Data) throws {
        let aside = url.appendingPathExtension("new")
        try? FileManager.default.removeItem(at: aside)
        try PosixFile(aside, .append).append(data)
        guard rename(aside.path, url.path) == 0 else { throw PosixError(operation: "rename", path: url.path) }
    }
}
