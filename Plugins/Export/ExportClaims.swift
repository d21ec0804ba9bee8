import Foundation
import PipelineKit

/// Which asset of a run has which file name: of two assets with equal content each gets a file of its own, while a
/// later run finds its files again.
struct ExportClaims: Sendable {
    private let folder: URL
    private let asset: String

    /// The claims of the run and stage that `context` belongs to.
    init(_ context: StageContext) {
        folder = context.runDirectory.appendingPathComponent(".\(context.stageID)-claims", isDirectory: true)
        asset = context.asset
    }

    /// Claims the file at `path` for the asset; false when another asset of the run has it.
    /// - Throws: `StageError` when the run's folder can't be written.
    func take(_ path: String) throws(StageError) -> Bool {
        let claim = file(for: path)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(asset.utf8).write(to: claim, options: .withoutOverwriting)
            return true
        } catch {
            if let owner = try? String(contentsOf: claim, encoding: .utf8) { return owner == asset }
            throw StageError(
                .fileSystem, "can't write into the run's folder \(folder.path)",
                hint: "check its permissions and free space", cause: "\(error)")
        }
    }

    /// Gives a claim back.
    func release(_ path: String) {
        try? FileManager.default.removeItem(at: file(for: path))
    }

    private func file(for path: String) -> URL {
        folder.appendingPathComponent((path as NSString).lastPathComponent)
    }
}
