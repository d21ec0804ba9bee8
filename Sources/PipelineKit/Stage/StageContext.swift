public import Foundation
public import Logging

/// The host's clock. Stages use it instead of the system's, so that tests can control time.
public struct HostClock: Sendable {
    public var now: @Sendable () -> Date
    /// Suspends the task for a duration; throws `CancellationError` if the task is cancelled meanwhile.
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// The clock of this machine.
    public static let system = HostClock(now: { Date() }, sleep: { try await Task.sleep(for: $0) })
}

/// A progress report of a running stage.
public struct StageProgress: Sendable, Hashable {
    /// The completed fraction of the work, 0 … 1.
    public var fraction: Double
    /// Seconds of footage processed per second; nil if not applicable.
    public var speed: Double?
    /// Frames processed per second; nil if the stage processes no frames.
    public var framesPerSecond: Double?
    /// Bytes sent per second; nil if the stage sends nothing.
    public var bytesPerSecond: Double?

    public init(
        fraction: Double, speed: Double? = nil, framesPerSecond: Double? = nil, bytesPerSecond: Double? = nil
    ) {
        self.fraction = fraction
        self.speed = speed
        self.framesPerSecond = framesPerSecond
        self.bytesPerSecond = bytesPerSecond
    }
}

/// The context of ``Stage/check(_:)``, which must not use the network or read footage.
public struct CheckContext: Sendable {
    /// The post's settings as the pipeline declares them; the title may still contain placeholders.
    public var post: PostSettings
    public var account: String
    /// The host's non-secret settings by environment variable name, such as `TIKTOK_API_BASE_URL`.
    public var settings: [String: String]
    /// What else the host grants.
    public var services: HostServices

    public init(
        post: PostSettings, account: String, settings: [String: String], services: HostServices = HostServices()
    ) {
        self.post = post
        self.account = account
        self.settings = settings
        self.services = services
    }
}

/// The context of ``Stage/plan(_:_:)``, which may read footage, but must not write or send anything.
public struct PlanContext: Sendable {
    /// The post's settings, with placeholders replaced for the asset.
    public var post: PostSettings
    /// The host's non-secret settings by environment variable name.
    public var settings: [String: String]
    public var logger: Logger

    public init(post: PostSettings, settings: [String: String], logger: Logger) {
        self.post = post
        self.settings = settings
        self.logger = logger
    }
}

/// The context of ``Stage/run(_:_:)``: folders, settings, progress, logs and the host's services.
public struct StageContext: Sendable {
    public var runID: String
    /// The stage's id in the pipeline file.
    public var stageID: String
    /// The asset's name as the user wrote it, for messages.
    public var asset: String
    /// The number of the attempt since the program started: 1 for the first.
    public var attempt = 1
    /// A folder for files of this asset. Write to a temporary name, then rename. The host removes the folder after
    /// success.
    public var workDirectory: URL
    /// A folder that all assets of the run share; the host removes it after success, too. ``workDirectory`` by default.
    public var runDirectory: URL
    /// The post's settings, with placeholders replaced for the asset.
    public var post = PostSettings()
    /// The account's name in the pipeline file and the vault.
    public var account = "default"
    /// The host's non-secret settings by environment variable name, such as `TIKTOK_API_BASE_URL`.
    public var settings: [String: String] = [:]
    public var logger: Logger
    /// Reports progress. Call it from any thread, as often as once a frame.
    public var progress: @Sendable (StageProgress) -> Void = { _ in }
    /// Durable notes of this stage for this asset, from which a later attempt can resume.
    public var checkpoints: any Checkpoints
    /// Provides secrets of other services, by name.
    public var secrets: any SecretProvider = NoSecrets()
    /// Hands out permits for rate-limited calls; acquire one before each call.
    public var permits: any RatePermits
    /// What else the host grants.
    public var services = HostServices()
    /// The output that ``Stage/plan(_:_:)`` gave for the same content of the footage; nil if the run was not planned, or the
    /// footage has changed since. A stage whose plan is exact may return it and save the work.
    public var planned: (any Artifact)?
    /// The clock to use for the current time and for waiting.
    public var clock = HostClock.system

    /// Creates the context of one attempt at one stage. Set what differs from the defaults through the properties.
    public init(
        runID: String, stageID: String, asset: String, workDirectory: URL, logger: Logger,
        checkpoints: any Checkpoints, permits: any RatePermits
    ) {
        self.runID = runID
        self.stageID = stageID
        self.asset = asset
        self.workDirectory = workDirectory
        self.runDirectory = workDirectory
        self.logger = logger
        self.checkpoints = checkpoints
        self.permits = permits
    }

    /// The part of this context that planning may use.
    public var planning: PlanContext { PlanContext(post: post, settings: settings, logger: logger) }
}
