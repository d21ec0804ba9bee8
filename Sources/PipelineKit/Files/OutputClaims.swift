import Foundation
import Glibc

/// Assigns output file names to the assets of a run, so that two assets with equal content get a file each, while a
/// later run finds its existing files.
public struct OutputClaims: Sendable {
    private let folder: URL
    private let asset: String

    /// The claims of the run and stage of `context`.
    public init(_ context: StageContext) {
        folder = context.runDirectory.appendingPathComponent(".\(context.stageID)-claims", isDirectory: true)
        asset = context.asset
    }

    /// Claims the file name for the asset; returns false when another asset of the run owns it.
    /// - Throws: `StageError` when the run's folder can't be written to.
    func take(_ path: String) throws(StageError) -> Bool {
        let claim = file(for: path).path
        let draft = folder.appendingPathComponent(UUID().uuidString).path
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(asset.utf8).write(to: URL(fileURLWithPath: draft))
        } catch {
            throw failure("\(error)")
        }
        defer { unlink(draft) }
        // link creates the claim with its content or not at all. A claim that vanishes before it is read was released.
        for _ in 0..<100 {
            if link(draft, claim) == 0 { return true }
            guard errno == EEXIST else { throw failure(String(cString: strerror(errno))) }
            if let owner = try? String(contentsOfFile: claim, encoding: .utf8) { return owner == asset }
        }
        throw failure("the claim on \(path) keeps changing")
    }

    private func failure(_ cause: String) -> StageError {
        StageError(
            .fileSystem, "can't write into the run's folder \(folder.path)",
            hint: "check its permissions and free space", cause: cause)
    }

    /// Releases a claim so that another asset can take the name.
    func release(_ path: String) {
        try? FileManager.default.removeItem(at: file(for: path))
    }

    private func file(for path: String) -> URL {
        folder.appendingPathComponent((path as NSString).lastPathComponent)
    }
}
