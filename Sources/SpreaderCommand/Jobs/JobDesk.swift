import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Where jobs are made: the queue of the settings, and the place that footage is shared at.
struct JobDesk: Sendable {
    let queue: JobQueue
    /// Content that machines share; nil when each keeps its own.
    let artifacts: (any ArtifactStore)?
    /// What files hold.
    let digests: FileDigests

    /// Opens the records.
    /// - Parameter entry: How long a server that is away now is waited for.
    /// - Throws: `StageError` when the database can't be opened.
    static func open(
        _ settings: Settings, _ database: String?, entry: Duration = .zero
    ) async throws(StageError) -> JobDesk {
        // Who works on jobs looks after lost connections itself: a heartbeat that waits would be late.
        let assembly = try await HostAssembly.open(settings, database: database, patience: .zero, entry: entry)
        return JobDesk(
            queue: JobQueue(assembly.store), artifacts: assembly.artifacts, digests: FileDigests(assembly.store))
    }

    /// A job of an asset, to be run from the current folder. Its footage is put where machines share it.
    /// - Parameter path: The pipeline file as it was named.
    /// - Throws: `StageError` when the footage can't be read or shared.
    func job(
        of asset: AssetInput, _ pipeline: Pipeline, at path: String, options: [String]
    ) async throws(StageError) -> NewJob {
        NewJob(
            pipeline: URL(filePath: path).standardizedFileURL.path, name: pipeline.name, asset: asset.path,
            directory: FileManager.default.currentDirectoryPath, options: options, account: pipeline.account,
            footage: try await share(asset))
    }

    private func share(_ asset: AssetInput) async throws(StageError) -> JobFootage? {
        guard let artifacts else { return nil }
        var files: [JobFootage.File] = []
        for path in [asset.path] + Sidecar.paths(beside: asset.path) {
            let file = FileReference(path: path, bytes: try FileDigests.size(of: path))
            let digest = try await digests.sha256(of: path)
            try await artifacts.put(file, digest: digest)
            files.append(JobFootage.File(name: URL(filePath: path).lastPathComponent, digest: digest))
        }
        return JobFootage(files: files)
    }
}
