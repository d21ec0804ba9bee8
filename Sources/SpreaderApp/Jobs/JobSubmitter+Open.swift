package import Jobs
package import PipelineKit
import Store

extension JobSubmitter {
    /// Opens the database and the artifact store that the settings select.
    /// - Parameter entry: How long to wait for a server that does not answer yet.
    /// - Throws: `StageError` if the database can't be opened.
    package static func open(
        _ settings: Settings, _ database: String?, entry: Duration = .zero
    ) async throws(StageError) -> JobSubmitter {
        // No patience: workers handle lost connections themselves, because a heartbeat that waits would be late.
        let assembly = try await HostAssembly.open(settings, database: database, patience: .zero, entry: entry)
        return JobSubmitter(
            queue: JobQueue(assembly.store), artifacts: assembly.artifacts, digests: FileDigests(assembly.store))
    }
}
