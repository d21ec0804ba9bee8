import Foundation
import Logging
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Puts the rooms together: records, credentials, limits, time.
struct HostAssembly {
    /// How long a database that restarts is waited for in the middle of the work.
    private static let patience = Duration.seconds(30)

    let settings: Settings
    let store: RecordStore
    let journal: SQLJournal
    let ledger: SQLPostLedger
    let vault: TokenVault
    let sealer: Sealer
    let locks: SharedLocks
    /// Content that machines share; nil when each keeps its own.
    let artifacts: (any ArtifactStore)?

    /// Opens the records.
    /// - Parameters:
    ///   - patience: How long a server that goes away later is waited for.
    ///   - entry: How long one that is away now is waited for: who starts a command wants to know at once.
    ///   - setsUp: Whether an empty server's database is given the schema, or refused.
    /// - Throws: `StageError` with code `configuration` when database or vault key can't be used; `unavailable` when a
    ///   server does not answer.
    static func open(
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
            // Beside the database: what shares the records shares the locks.
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

    /// Outputs that are kept for later runs on this machine.
    var cache: OutputCache {
        OutputCache(folder: settings.home.appending(path: "cache"), digests: FileDigests(store))
    }

    /// Tokens of accounts.
    /// - Throws: `StageError` when the vault can't be read.
    func credentials() async throws(StageError) -> VaultCredentials {
        let known = try await vault.accounts().map { ($0.id.identity, $0) }
        return VaultCredentials(
            settings: settings, vault: vault, locks: locks, clock: store.clock,
            known: Dictionary(known, uniquingKeysWith: { $1 }))
    }

    /// The host of a run.
    /// - Throws: `StageError` when the vault can't be read.
    func runHost(
        logger: Logger, waitsForLimits: Bool, emit: @escaping @Sendable (RunEvent) -> Void
    ) async throws(StageError) -> RunHost {
        var host = RunHost(
            journal: journal, ledger: ledger,
            permits: SQLRatePermits(store, maximumWait: waitsForLimits ? .seconds(3600) : .zero),
            credentials: try await credentials(),
            digests: FileDigests(store), locks: locks, clock: store.clock, logger: logger, emit: emit)
        host.artifacts = artifacts
        host.secrets = SettingSecrets(settings: settings)
        if try settings.cacheLimit().bytes > 0 { host.cache = cache }
        host.labels = settings[JobProcess.leaseSetting].map { _ in
            Set((settings[JobProcess.labelsSetting] ?? "").split(separator: ",").map(String.init))
        }
        return host
    }
}
