import Foundation

/// The data folder of a sandbox.
///
/// `journal.jsonl` holds every change of the state, `log.jsonl` every request, `media/` the uploaded videos, `sandbox.env`
/// the environment for a client, `port` the last port. `lock` keeps a second sandbox out.
final class DataDirectory: Sendable {
    let root: URL
    private let lockFile: PosixFile

    /// Creates the folder if it is missing, and locks it.
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
                .storage, "cannot use the sandbox folder \(root.path): \(error)",
                hint: "set --data to a writable folder")
        }
        guard lockFile.tryLock() else {
            throw SandboxError(
                .inUse, "another sandbox is using the folder \(root.path)",
                hint: "stop it, or set --data to another folder")
        }
    }

    func unlock() { lockFile.unlock() }

    var journal: URL { root.appendingPathComponent("journal.jsonl") }
    var log: URL { root.appendingPathComponent("log.jsonl") }
    var environmentFile: URL { root.appendingPathComponent("sandbox.env") }

    /// The file with the video of a post.
    func media(_ publishID: String) -> URL {
        // Replaces `~` and `.` of publish ids, and whatever else a file name should not contain.
        let name = publishID.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "-" }
        return root.appendingPathComponent("media").appendingPathComponent(String(name))
    }

    /// The port of the last run; nil if there is none.
    var rememberedPort: Int? {
        guard let text = try? String(contentsOf: root.appendingPathComponent("port"), encoding: .utf8) else {
            return nil
        }
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap { (1...65535).contains($0) ? $0 : nil }
    }

    /// Stores the port for the next run, so that the URLs of pending uploads stay valid.
    func remember(port: Int) throws {
        try replace(root.appendingPathComponent("port"), with: Data("\(port)\n".utf8))
    }

    /// Writes `sandbox.env`, readable by the owner only.
    func writeEnvironment(_ endpoint: SandboxEndpoint) throws {
        let lines = endpoint.environment.map { "\($0.name)=\($0.value)\n" }.joined()
        try replace(environmentFile, with: Data(lines.utf8))
    }

    /// Writes a temporary file with mode 0600 and renames it, so that the file is never partial, even after a kill.
    private func replace(_ url: URL, with data: Data) throws {
        let temporary = url.appendingPathExtension("new")
        try? FileManager.default.removeItem(at: temporary)
        try PosixFile(temporary, .append).append(data)
        guard rename(temporary.path, url.path) == 0 else { throw PosixError(operation: "rename", path: url.path) }
    }
}
