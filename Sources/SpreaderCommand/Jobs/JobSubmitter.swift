import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Creates jobs, and uploads their footage to the shared artifact store if there is one.
struct JobSubmitter: Sendable {
    let queue: JobQueue
    /// The artifact store that machines share; nil if the footage stays where it is.
    let artifacts: (any ArtifactStore)?
    let digests: FileDigests

    /// Opens the database and the artifact store that the settings select.
    /// - Parameter entry: How long to wait for a server that does not answer yet.
    /// - Throws: `StageError` if the database can't be opened.
    static func open(
        _ settings: Settings, _ database: String?, entry: Duration = .zero
    ) async throws(StageError) -> JobSubmitter {
        // No patience: workers handle lost connections themselves, because a heartbeat that waits would be late.
        let assembly = try await HostAssembly.open(settings, database: database, patience: .zero, entry: entry)
        return JobSubmitter(
            queue: JobQueue(assembly.store), artifacts: assembly.artifacts, digests: FileDigests(assembly.store))
    }

    /// Makes a job for an asset, to run in the current folder, and puts its footage into the shared artifact store.
    /// - Parameter path: The pipeline file, as given on the command line.
    /// - Throws: `StageError` if the footage can't be read or shared.
    func job(
        of asset: AssetInput, _ pipeline: Pipeline, at path: String, options: [String]
    ) async throws(StageError) -> NewJob {
        var job = NewJob(
            pipeline: URL(filePath: path).standardizedFileURL.path, name: pipeline.name, asset: asset.path,
            directory: FileManager.default.currentDirectoryPath)
        job.options = options
        job.account = pipeline.account
        job.footage = try await share(asset)
        return job
    }

    private func share(_ asset: AssetInput) async throws(StageError) -> JobFootage? {
        guard let artifacts else { return nil }
        var files: [JobFootage.File] = []
        for path in [asset.path] + Sidecar.paths(beside: asset.path) {
            let file = FileReference(path: path, bytes: try FileSize.of(path))
            let digest = try await digests.sha256(of: path)
            try await artifacts.put(file, digest: digest)
            files.append(JobFootage.File(name: URL(filePath: path).lastPathComponent, digest: digest))
        }
        return JobFootage(files: files)
    }
}
