import Foundation
import Glibc

/// Which asset of a run has which file name: of two assets with equal content each gets a file of its own, while a
/// later run finds its files again.
public struct OutputClaims: Sendable {
    private let folder: URL
    private let asset: String

    /// The claims of the run and stage that `context` belongs to.
    public init(_ context: StageContext) {
        folder = context.runDirectory.appendingPathComponent(".\(context.stageID)-claims", isDirectory: true)
        asset = context.asset
    }

    /// Claims the file at `path` for the asset; false when another asset of the run has it.
    /// - Throws: `StageError` when the run's folder can't be written.
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
        // A link appears with its content or not at all; a claim that vanishes meanwhile was given back.
        for _ in 0..<100 {
            if link(draft, claim) == 0 { return true }
            guard errno == EEXIST else { throw failure(String(cString: strerror(errno))) }
            if let owner = try? String(contentsOfFile: claim, encoding: .utf8) { return owner == asset }
        }
        throw failure("the claim of \(path) comes and goes")
    }

    private func failure(_ cause: String) -> StageError {
        StageError(
            .fileSystem, "can't write into the run's folder \(folder.path)",
            hint: "check its permissions and free space", cause: cause)
    }

    /// Gives a claim back.
    func release(_ path: String) {
        try? FileManager.default.removeItem(at: file(for: path))
    }

    private func file(for path: String) -> URL {
        folder.appendingPathComponent((path as NSString).lastPathComponent)
    }
}
