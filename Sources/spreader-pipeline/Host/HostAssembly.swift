import Foundation
import Logging
import PipelineKit
import PipelineRunner
import Store

/// Puts the rooms together: records on disk, credentials, limits, time.
struct HostAssembly {
    let settings: Settings
    let store: SQLiteStore
    let journal: SQLiteJournal
    let ledger: SQLitePostLedger
    let vault: TokenVault
    let sealer: Sealer
    let locks: URL

    /// Opens the records.
    /// - Throws: `StageError` with code `configuration` when database or vault key can't be used.
    init(settings: Settings, database: String?) throws(StageError) {
        self.settings = settings
        let path = try settings.databasePath(flag: database)
        do throws(StoreError) {
            store = try SQLiteStore(path: path)
            sealer = try Sealer.resolve(
                setting: settings.secret("SPREADER_VAULT_KEY"), file: settings.vaultKeyFile)
            journal = SQLiteJournal(store)
            ledger = SQLitePostLedger(
                store, sealer: sealer, fence: settings[JobProcess.leaseSetting].flatMap { JobFence($0) },
                now: { Date() })
            vault = TokenVault(store, sealer: sealer)
        } catch {
            throw error.asStageError
        }
        // Beside the database: what shares the records shares the locks.
        locks = URL(filePath: path + ".locks")
    }

    /// Tokens of accounts.
    /// - Throws: `StageError` when the vault can't be read.
    func credentials() async throws(StageError) -> VaultCredentials {
        let known = try await vault.accounts().map { ($0.id.identity, $0) }
        return VaultCredentials(
            settings: settings, vault: vault, locks: locks, clock: .system,
            known: Dictionary(known, uniquingKeysWith: { $1 }))
    }

    /// The host of a run.
    /// - Throws: `StageError` when the vault can't be read.
    func runHost(
        logger: Logger, waitsForLimits: Bool, emit: @escaping @Sendable (RunEvent) -> Void
    ) async throws(StageError) -> RunHost {
        RunHost(
            journal: journal, ledger: ledger,
            permits: SQLiteRatePermits(
                store, clock: .system, maximumWait: waitsForLimits ? .seconds(3600) : .zero),
            credentials: try await credentials(),
            digests: FileDigests(store), locks: locks, logger: logger, emit: emit)
    }
}
