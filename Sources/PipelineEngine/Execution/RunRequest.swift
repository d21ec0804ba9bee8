package import Foundation
package import Logging
package import PipelineFile
package import PipelineKit
package import Posting
package import Store

/// The input of a run: pipeline, footage and options.
package struct RunRequest: Sendable {
    package var pipeline: Pipeline
    package var assets: [AssetInput]
    /// The identity of the account in the ledger.
    package var accountIdentity: String
    /// The settings of the host, without secrets.
    package var settings: [String: String]
    /// Identifies the same command, to resume an unfinished run.
    package var fingerprint: String
    /// The command-line arguments that resume the run.
    package var command: [String]
    /// The parent folder of the runs' work folders.
    package var workRoot: URL
    /// Whether to resume an unfinished run and reuse earlier outputs.
    package var usesCache: Bool
    /// Whether to keep work files after success.
    package var keepsWork: Bool
    /// Whether to wait for rate limits and scheduled times instead of failing.
    package var waitsForLimits: Bool
    /// Whether `--until` shortened the pipeline, so that its last output is the result.
    package var isPartial: Bool
    /// Whether to post footage again that is already posted, once in this run.
    package var reposts = false
    /// The digests in a saved plan, by asset. Footage with another digest fails.
    package var plannedDigests: [String: String] = [:]
    /// What each stage was found to do, so that a stage whose plan is exact need not work again.
    package var plans: [AssetPlan] = []
    /// Footage that was refused before the run. It is reported but not started.
    package var refused: [RefusedAsset] = []

    package init(
        pipeline: Pipeline, assets: [AssetInput], accountIdentity: String, settings: [String: String],
        fingerprint: String, command: [String], workRoot: URL, usesCache: Bool = true, keepsWork: Bool = false,
        waitsForLimits: Bool = true, isPartial: Bool = false
    ) {
        self.pipeline = pipeline
        self.assets = assets
        self.accountIdentity = accountIdentity
        self.settings = settings
        self.fingerprint = fingerprint
        self.command = command
        self.workRoot = workRoot
        self.usesCache = usesCache
        self.keepsWork = keepsWork
        self.waitsForLimits = waitsForLimits
        self.isPartial = isPartial
    }
}

/// Footage that was refused before the run, with the reason.
package struct RefusedAsset: Sendable, Hashable {
    package var asset: String
    package var error: StageError
    /// The stage that refused it; nil if no stage did.
    package var stage: String?

    package init(asset: String, error: StageError, stage: String? = nil) {
        self.asset = asset
        self.error = error
        self.stage = stage
    }
}

/// The dependencies of a run: records, services, clock and randomness, injected so that tests control them.
package struct RunEnvironment: Sendable {
    /// The durable record of runs.
    package var journal: any RunJournal
    /// The durable record of posts.
    package var ledger: any PostLedger
    /// Permits for rate-limited calls.
    package var permits: any RatePermits
    /// The access tokens of accounts.
    package var credentials: any CredentialProvider
    /// The secrets of other services.
    package var secrets: any SecretProvider = NoSecrets()
    /// Computes and remembers the digests of files.
    package var digests: FileDigests
    /// The cache of pure stages' outputs; nil to disable it.
    package var cache: OutputCache?
    /// Locks between all processes that use the same records.
    package var locks: SharedLocks
    /// The store that machines share; nil if files stay on this machine.
    package var artifacts: (any ArtifactStore)?
    /// The labels that this worker offers; nil outside a worker, where all stages run.
    package var labels: Set<String>?
    package var clock: HostClock
    /// Returns a number in `0..<1`, for jitter.
    package var random: @Sendable () -> Double
    package var logger: Logger
    /// The number of CPU-bound stages that may run concurrently.
    package var processorBudget: Int
    /// Receives the events. Tasks call it concurrently.
    package var emit: @Sendable (RunEvent) -> Void

    package init(
        journal: any RunJournal, ledger: any PostLedger, permits: any RatePermits, credentials: any CredentialProvider,
        digests: FileDigests, locks: SharedLocks, clock: HostClock = .system,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, logger: Logger,
        processorBudget: Int = RunEnvironment.usualProcessorBudget, emit: @escaping @Sendable (RunEvent) -> Void
    ) {
        self.journal = journal
        self.ledger = ledger
        self.permits = permits
        self.credentials = credentials
        self.digests = digests
        self.locks = locks
        self.clock = clock
        self.random = random
        self.logger = logger
        self.processorBudget = processorBudget
        self.emit = emit
    }

    /// One CPU-bound stage per eight cores, as one encoder uses about eight.
    package static var usualProcessorBudget: Int { max(1, ProcessInfo.processInfo.activeProcessorCount / 8) }
}
