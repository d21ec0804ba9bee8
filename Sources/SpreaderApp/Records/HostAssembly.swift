import Foundation
import Jobs
import Logging
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
import StageHosting
package import Store

/// Opens the database and wires up everything that runs share: journal, ledger, vault, locks and artifacts.
package struct HostAssembly {
    /// How long to wait for a database that restarts in the middle of a run.
    private static let patience = Duration.seconds(30)

    package let settings: Settings
    package let store: RecordStore
    package let journal: SQLJournal
    package let ledger: SQLPostLedger
    package let vault: TokenVault
    package let sealer: Sealer
    package let locks: SharedLocks
    /// The artifact store that machines share; nil if there is none.
    package let artifacts: (any ArtifactStore)?

    /// Opens the database and the vault.
    /// - Parameters:
    ///   - patience: How long to wait for a server that goes down later.
    ///   - entry: How long to wait for a server that is down now. By default, a command fails at once.
    ///   - setsUp: Whether to create the schema in an empty PostgreSQL database, or refuse it.
    /// - Throws: `StageError` with code `configuration` if the database or the vault key can't be used; `unavailable` if a
    ///   server does not answer.
    package static func open(
        _ settings: Settings, database: String?, patience: Duration = HostAssembly.patience, entry: Duration = .zero,
        setsUp: Bool = true
    ) async throws(StageError) -> HostAssembly {
        switch try settings.database(flag: database) {
        case .sqlite(let path):
            let store: RecordStore
            do throws(StoreError) {
                store = try RecordStore(sqlite: path)
            } catch {
                throw error.asStageError
            }
            // Next to the database, so that all processes that share the database share the locks.
            return try HostAssembly(settings, store, SharedLocks(folder: URL(filePath: path + ".locks")))
        case .postgres(let address):
            let store = try await RecordStore.postgres(address, patience: patience, entry: entry, setsUp: setsUp)
            let folder = settings.home.appending(path: "locks")
            let assembly = try HostAssembly(settings, store, try SharedLocks(folder: folder, store: store))
            try await assembly.vault.checkKey()
            return assembly
        }
    }

    private init(_ settings: Settings, _ store: RecordStore, _ locks: SharedLocks) throws(StageError) {
        self.settings = settings
        self.store = store
        self.locks = locks
        do throws(StoreError) {
            sealer = try Sealer.resolve(
                setting: settings.secret("SPREADER_VAULT_KEY"), file: settings.vaultKeyFile)
        } catch {
            throw error.asStageError
        }
        artifacts = try settings.artifacts(clock: store.clock)
        journal = SQLJournal(store)
        ledger = SQLPostLedger(
            store, sealer: sealer, fence: settings[JobProcess.leaseSetting].flatMap { JobFence($0) })
        vault = TokenVault(store, sealer: sealer)
    }

    /// The cache of stage outputs on this machine.
    var cache: OutputCache {
        OutputCache(folder: settings.home.appending(path: "cache"), digests: FileDigests(store))
    }

    /// Credentials with the accounts that are in the vault now.
    /// - Throws: `StageError` if the vault can't be read.
    package func credentials() async throws(StageError) -> VaultCredentials {
        let known = try await vault.accounts().map { ($0.id.identity, $0) }
        return VaultCredentials(
            settings: settings, vault: vault, locks: locks, clock: store.clock,
            known: Dictionary(known, uniquingKeysWith: { $1 }))
    }

    /// Builds the environment of a run.
    /// - Throws: `StageError` if the vault can't be read.
    func runEnvironment(logger: Logger, waitsForLimits: Bool) async throws(StageError) -> RunEnvironment {
        var host = RunEnvironment(
            journal: journal, ledger: ledger,
            permits: SQLRatePermits(store, maximumWait: waitsForLimits ? .seconds(3600) : .zero),
            credentials: try await credentials(),
            digests: FileDigests(store), locks: locks, clock: store.clock, logger: logger, emit: { _ in })
        host.artifacts = artifacts
        host.secrets = SettingSecrets(settings: settings)
        if try settings.cacheLimit().bytes > 0 { host.cache = cache }
        host.labels = settings[JobProcess.leaseSetting].map { _ in
            Set((settings[JobProcess.labelsSetting] ?? "").split(separator: ",").map(String.init))
        }
        return host
    }
}
