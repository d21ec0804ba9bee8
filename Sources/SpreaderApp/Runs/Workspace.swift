import Foundation
package import PipelineFile
import PipelineKit

/// What a command about a pipeline works with: the settings, the file, the stages, and the records if they exist.
package struct Workspace: Sendable {
    package let settings: Settings
    /// The pipeline file, read and parsed once.
    package let document: PipelineDocument
    package let host: StageHost
    /// The records; nil if there is no database yet. Only a run creates one.
    package let records: HostAssembly?
    /// The account's credentials for checks: from the vault if there is one, else from the settings.
    package let credentials: VaultCredentials

    /// Reads the pipeline file, calls `body` with the stages that it names, then ends their child processes.
    /// - Parameter database: The value of `--db`.
    /// - Throws: `StageError` if the settings are invalid; whatever `body` throws.
    package static func with<Value>(
        _ settings: Settings, for selection: PipelineSelection, database: String? = nil,
        _ body: (Workspace) async throws -> Value
    ) async throws -> Value {
        let document = PipelineDocument.read(selection.file)
        return try await StageHost.with(settings, .named(document.stageNames), isolate: selection.isolate) { host in
            let records = await HostAssembly.existing(settings, database: database)
            let credentials = await VaultCredentials.forChecks(settings, records)
            return try await body(
                Workspace(
                    settings: settings, document: document, host: host, records: records, credentials: credentials))
        }
    }
}

extension HostAssembly {
    /// The records if they exist and can be opened. Creates nothing.
    package static func existing(_ settings: Settings, database: String? = nil) async -> HostAssembly? {
        guard let location = try? settings.database(flag: database) else { return nil }
        if case .sqlite(let path) = location, !FileManager.default.fileExists(atPath: path) { return nil }
        return try? await HostAssembly.open(settings, database: database, setsUp: false)
    }
}
