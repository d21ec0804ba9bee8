package import Foundation
package import Logging
package import PipelineFile
package import PipelineKit
package import Posting
package import Store

/// What a run is asked to do.
package struct RunRequest: Sendable {
    /// The checked pipeline.
    package var pipeline: Pipeline
    /// The footage.
    package var assets: [AssetInput]
    /// Identity of the account at its service, for the ledger.
    package var accountIdentity: String
    /// Settings of the host that are no secrets.
    package var settings: [String: String]
    /// What makes a later command the same command.
    package var fingerprint: String
    /// The arguments that resume it.
    package var command: [String]
    /// Where runs have their work folders.
    package var workRoot: URL
    /// Whether earlier outputs may be used.
    package var usesCache: Bool
    /// Whether work files stay after success.
    package var keepsWork: Bool
    /// Whether limits are waited for.
    package var waitsForLimits: Bool
    /// Whether `--until` cut the pipeline short: then its last output is what the user wants.
    package var isPartial: Bool
    /// Whether footage that is posted already is posted again, once for this run.
    package var reposts = false
    /// Digests that a saved plan was made for, by asset: other content is not worked on.
    package var plannedDigests: [String: String] = [:]
    /// Footage that was refused before the run: reported with the others, never started.
    package var refused: [RefusedAsset] = []

    /// A request; see the properties.
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

/// Footage that was refused before the run.
package struct RefusedAsset: Sendable, Hashable {
    /// The asset as the user named it.
    package var asset: String
    /// Why.
    package var error: StageError
    /// The stage that refuses it; nil for the run itself.
    package var stage: String?

    /// A refusal.
    package init(asset: String, error: StageError, stage: String? = nil) {
        self.asset = asset
        self.error = error
        self.stage = stage
    }
}

/// What a run lives on: records, services, time. All of it comes in, so that tests own it.
package struct RunHost: Sendable {
    /// The durable record of runs.
    package var journal: any RunJournal
    /// The durable record of posts.
    package var ledger: any PostLedger
    /// Permits for rate-limited calls.
    package var permits: any RatePermits
    /// Access tokens.
    package var credentials: any CredentialProvider
    /// Secrets of other services.
    package var secrets: any SecretProvider = NoSecrets()
    /// Digests of footage.
    package var digests: FileDigests
    /// Outputs of pure stages that are kept for later runs; nil to keep none.
    package var cache: OutputCache?
    /// Locks that all processes on the same records respect.
    package var locks: SharedLocks
    /// Content that other machines share; nil when files stay on this one.
    package var artifacts: (any ArtifactStore)?
    /// What this worker offers; nil when no worker began the run, and every stage is done here.
    package var labels: Set<String>?
    /// Time.
    package var clock: HostClock
    /// A number in 0 ..< 1, for jitter.
    package var random: @Sendable () -> Double
    /// Where to log.
    package var logger: Logger
    /// Stages that use the processor and may run side by side.
    package var processorBudget: Int
    /// Takes events, in order, from one task at a time.
    package var emit: @Sendable (RunEvent) -> Void

    /// A host; see the properties.
    package init(
        journal: any RunJournal, ledger: any PostLedger, permits: any RatePermits, credentials: any CredentialProvider,
        digests: FileDigests, locks: SharedLocks, clock: HostClock = .system,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }, logger: Logger,
        processorBudget: Int = RunHost.usualProcessorBudget, emit: @escaping @Sendable (RunEvent) -> Void
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

    /// An encoder fills about eight cores: one at a time for each eight.
    package static var usualProcessorBudget: Int { max(1, ProcessInfo.processInfo.activeProcessorCount / 8) }
}
