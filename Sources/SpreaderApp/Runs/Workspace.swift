import Foundation
import PipelineKit

/// What a command works with: the settings, the stages, and the records if they exist.
package struct Workspace: Sendable {
    package let settings: Settings
    package let host: StageHost
    /// The records; nil if there is no database yet. Only a run creates one.
    package let records: HostAssembly?
    /// The account's credentials for checks: from the vault if there is one, else from the settings.
    package let credentials: VaultCredentials

    /// Calls `body` with the stages that a pipeline file needs, then ends their child processes.
    /// - Parameter database: The value of `--db`.
    /// - Throws: `StageError` if the settings are invalid; whatever `body` throws.
    package static func with<Value>(
        _ settings: Settings, for need: StageHost.Need, isolate: Bool = false, database: String? = nil,
        _ body: (Workspace) async throws -> Value
    ) async throws -> Value {
        try await StageHost.with(settings, need, isolate: isolate) { host in
            let records = await HostAssembly.existing(settings, database: database)
            let credentials = await VaultCredentials.forChecks(settings, records)
            return try await body(
                Workspace(settings: settings, host: host, records: records, credentials: credentials))
        }
    }
}

extension HostAssembly {
    /// The records if they exist and can be opened. Creates nothing.
    package static func existing(_ settings: Settings, database: String? = nil) async -> HostAssembly? {
        guard let place = try? settings.database(flag: database) else { return nil }
        if case .sqlite(let path) = place, !FileManager.default.fileExists(atPath: path) { return nil }
        return try? await HostAssembly.open(settings, database: database, setsUp: false)
    }
}
