public import Foundation
public import Logging

/// Time as the host gives it, so that tests own it.
public struct HostClock: Sendable {
    /// The present moment.
    public var now: @Sendable () -> Date
    /// Waits; throws `CancellationError` when the task is cancelled meanwhile.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// A clock.
    public init(now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
        self.sleep = sleep
    }

    /// The machine's clock.
    public static let system = HostClock(now: { Date() }, sleep: { try await Task.sleep(for: $0) })
}

/// How far a stage has come.
public struct StageProgress: Sendable, Hashable {
    /// Share of the work done, 0 … 1.
    public var fraction: Double
    /// Seconds of footage handled per second; nil when that means nothing.
    public var speed: Double?
    /// Frames per second; nil when there are none.
    public var framesPerSecond: Double?
    /// Bytes sent per second; nil when nothing is sent.
    public var bytesPerSecond: Double?

    /// A report.
    public init(
        fraction: Double, speed: Double? = nil, framesPerSecond: Double? = nil, bytesPerSecond: Double? = nil
    ) {
        self.fraction = fraction
        self.speed = speed
        self.framesPerSecond = framesPerSecond
        self.bytesPerSecond = bytesPerSecond
    }
}

/// What a stage may look at when it is checked: no network, no footage content.
public struct CheckContext: Sendable {
    /// The post's settings as the pipeline declares them; the title may still hold placeholders.
    public var post: PostSettings
    /// The account's name.
    public var account: String
    /// Settings of the host that are no secrets, by environment name, such as `TIKTOK_API_BASE_URL`.
    public var settings: [String: String]
    /// What else the host grants.
    public var services: HostServices

    /// A context.
    public init(
        post: PostSettings, account: String, settings: [String: String], services: HostServices = HostServices()
    ) {
        self.post = post
        self.account = account
        self.settings = settings
        self.services = services
    }
}

/// What a stage may use while it plans: it can read footage, but writes and sends nothing.
public struct PlanContext: Sendable {
    /// The post's settings with placeholders filled in for the asset.
    public var post: PostSettings
    /// Settings of the host that are no secrets, by environment name.
    public var settings: [String: String]
    /// Where to log.
    public var logger: Logger

    /// A context.
    public init(post: PostSettings, settings: [String: String], logger: Logger) {
        self.post = post
        self.settings = settings
        self.logger = logger
    }
}

/// All that a running stage can reach.
public struct StageContext: Sendable {
    /// The run's id.
    public var runID: String
    /// The stage's id in the pipeline.
    public var stageID: String
    /// The asset as the user named it.
    public var asset: String
    /// 1 for the first attempt of this run of the program.
    public var attempt = 1
    /// A folder for this asset's work files. Write aside, then rename; the host removes it after success.
    public var workDirectory: URL
    /// A folder that all assets of the run share; also removed after success.
    public var runDirectory: URL
    /// The post's settings with placeholders filled in for the asset.
    public var post: PostSettings
    /// The account's name in pipeline and vault.
    public var account: String
    /// Settings of the host that are no secrets, by environment name, such as `TIKTOK_API_BASE_URL`.
    public var settings: [String: String] = [:]
    /// Where to log.
    public var logger: Logger
    /// Takes progress, from any thread; calls may be as frequent as frames.
    public var progress: @Sendable (StageProgress) -> Void
    /// Durable notes of this stage for this asset.
    public var checkpoints: any Checkpoints
    /// Secrets of other services, by name.
    public var secrets: any SecretProvider = NoSecrets()
    /// Permits for rate-limited calls.
    public var permits: any RatePermits
    /// What else the host grants.
    public var services = HostServices()
    /// Time.
    public var clock = HostClock.system

    /// A context for one attempt at one stage; set what else it grants through the properties.
    public init(
        runID: String, stageID: String, asset: String, workDirectory: URL, post: PostSettings, account: String,
        logger: Logger, progress: @escaping @Sendable (StageProgress) -> Void, checkpoints: any Checkpoints,
        permits: any RatePermits
    ) {
        self.runID = runID
        self.stageID = stageID
        self.asset = asset
        self.workDirectory = workDirectory
        self.runDirectory = workDirectory
        self.post = post
        self.account = account
        self.logger = logger
        self.progress = progress
        self.checkpoints = checkpoints
        self.permits = permits
    }

    /// The same, for planning.
    public var planning: PlanContext { PlanContext(post: post, settings: settings, logger: logger) }
}
