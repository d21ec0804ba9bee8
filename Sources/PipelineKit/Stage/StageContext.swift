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
    /// Credentials, to see whether there are any.
    public var credentials: any CredentialProvider

    /// A context.
    public init(
        post: PostSettings, account: String, settings: [String: String], credentials: any CredentialProvider
    ) {
        self.post = post
        self.account = account
        self.settings = settings
        self.credentials = credentials
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
    public var attempt: Int
    /// A folder for this asset's work files. Write aside, then rename; the host removes it after success.
    public var workDirectory: URL
    /// A folder that all assets of the run share; also removed after success.
    public var runDirectory: URL
    /// The post's settings with placeholders filled in for the asset.
    public var post: PostSettings
    /// Identity of the post in the ledger.
    public var postKey: PostKey
    /// The account's name in pipeline and vault.
    public var account: String
    /// Settings of the host that are no secrets, by environment name, such as `TIKTOK_API_BASE_URL`.
    public var settings: [String: String]
    /// Where to log.
    public var logger: Logger
    /// Takes progress, from any thread; calls may be as frequent as frames.
    public var progress: @Sendable (StageProgress) -> Void
    /// Durable notes of this stage for this asset.
    public var checkpoints: any Checkpoints
    /// Access tokens.
    public var credentials: any CredentialProvider
    /// Secrets of other services, by name.
    public var secrets: any SecretProvider
    /// Permits for rate-limited calls.
    public var permits: any RatePermits
    /// The durable record of posts.
    public var ledger: any PostLedger
    /// Time.
    public var clock: HostClock

    /// A context; see the properties.
    public init(
        runID: String, stageID: String, asset: String, attempt: Int, workDirectory: URL,
        runDirectory: URL? = nil, post: PostSettings,
        postKey: PostKey, account: String, settings: [String: String], logger: Logger,
        progress: @escaping @Sendable (StageProgress) -> Void, checkpoints: any Checkpoints,
        credentials: any CredentialProvider, secrets: any SecretProvider = NoSecrets(), permits: any RatePermits,
        ledger: any PostLedger, clock: HostClock
    ) {
        self.runID = runID
        self.stageID = stageID
        self.asset = asset
        self.attempt = attempt
        self.workDirectory = workDirectory
        self.runDirectory = runDirectory ?? workDirectory
        self.post = post
        self.postKey = postKey
        self.account = account
        self.settings = settings
        self.logger = logger
        self.progress = progress
        self.checkpoints = checkpoints
        self.credentials = credentials
        self.secrets = secrets
        self.permits = permits
        self.ledger = ledger
        self.clock = clock
    }

    /// The same, for planning.
    public var planning: PlanContext { PlanContext(post: post, settings: settings, logger: logger) }
}
