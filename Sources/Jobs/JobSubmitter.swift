import Foundation
package import PipelineFile
package import PipelineKit
package import Store

/// Creates jobs, and uploads their footage to the shared artifact store if there is one.
package struct JobSubmitter: Sendable {
    package let queue: JobQueue
    /// The artifact store that machines share; nil if the footage stays where it is.
    let artifacts: (any ArtifactStore)?
    let digests: FileDigests

    package init(queue: JobQueue, artifacts: (any ArtifactStore)?, digests: FileDigests) {
        self.queue = queue
        self.artifacts = artifacts
        self.digests = digests
    }

    /// Makes a job for an asset, to run in the current folder, and puts its footage into the shared artifact store.
    /// - Parameter path: The pipeline file, as given on the command line.
    /// - Throws: `StageError` if the footage can't be read or shared.
    package func job(
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
