/// One step of a pipeline: takes an artifact and returns another.
///
/// A stage is a value created from its options. It keeps no state between assets, and uses only the services of the
/// context that it receives, so that it works in a child process, too.
///
/// ```swift
/// public struct Slate: Stage {
///     public static let name: StageName = "slate"
///     public static let summary = "Puts a slate in front of the video."
///     public static let effect: Effect = .pure
///     public static let resource: Resource = .cpu
///     public struct Options: StageOptions {
///         @StageOption("Text of the slate.") public var text = "Take 1"
///         public init() {}
///     }
///     public init(options: Options) throws(StageError) { … }
///     public func run(_ input: PreparedVideo, _ context: StageContext) async throws(StageError) -> PreparedVideo { … }
/// }
/// ```
public protocol Stage: Sendable {
    /// The stage's options. Decoding, help texts and JSON Schema are derived from their declarations; use ``NoOptions``
    /// if there are none.
    associatedtype Options: StageOptions
    /// The type of artifact that the stage takes.
    associatedtype Input: Artifact
    /// The type of artifact that the stage returns.
    associatedtype Output: Artifact

    /// The name used in pipeline files. Keep it stable: it is independent of the type's name.
    static var name: StageName { get }
    /// One sentence for lists and help texts.
    static var summary: String { get }
    /// Part of the cache key. Increase it when the same input and options would give a different output.
    static var version: Int { get }
    /// Whether the stage may run twice and its output be reused.
    static var effect: Effect { get }
    /// The resource that the stage uses most, which limits what runs in parallel.
    static var resource: Resource { get }
    /// What it reaches for its work; decides how its child process is confined.
    static var access: StageAccess { get }

    /// Options with which the stage works on any sample, for the conformance suite.
    /// - Parameter folder: A folder that holds `sample.srt`, and takes what the stage writes.
    static func sampleOptions(in folder: String) -> [String: JSONValue]

    /// Creates the stage from its options.
    /// - Throws: `StageError` with code `invalid-option` if options contradict each other.
    init(options: Options) throws(StageError)

    /// Returns the problems that can be found before any work starts. Must not use the network or read footage.
    func check(_ context: CheckContext) -> [Diagnostic]

    /// Paths of files other than `input` that decide the output of a pure stage, such as an image to draw or a subtitle
    /// file next to the footage. Include files that do not exist yet: their content is part of the cache key.
    func dependencies(_ input: Input) -> [String]

    /// Describes what ``run(_:_:)`` would do for `input`, and why. May read footage, but must not write or send
    /// anything.
    /// - Throws: `StageError` if the stage already knows that it can't process `input`.
    func plan(_ input: Input, _ context: PlanContext) async throws(StageError) -> StagePlan

    /// Processes `input` and returns the output.
    /// - Throws: `StageError`; `StageError.cancelled` if the task was cancelled.
    func run(_ input: Input, _ context: StageContext) async throws(StageError) -> Output
}

extension Stage {
    /// Reads footage and nothing else, the narrowest grant.
    public static var access: StageAccess { .footage }
    /// No options: the stage works with its defaults.
    public static func sampleOptions(in folder: String) -> [String: JSONValue] { [:] }
    /// Defaults to version 1.
    public static var version: Int { 1 }
    /// Finds no problems by default.
    public func check(_ context: CheckContext) -> [Diagnostic] { [] }
    /// Depends on no other files by default.
    public func dependencies(_ input: Input) -> [String] { [] }
    /// Returns a plan with the stage's summary as its action.
    public func plan(_ input: Input, _ context: PlanContext) async throws(StageError) -> StagePlan {
        StagePlan(action: Self.summary)
    }
}

/// The name of a stage in pipeline files, such as `transcode`.
public struct StageName: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral, Comparable,
    CustomStringConvertible
{
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }
    public var description: String { rawValue }
    public static func < (left: StageName, right: StageName) -> Bool { left.rawValue < right.rawValue }
}

/// Whether a stage may run twice with the same input. Decides whether the host retries it and caches its output.
public enum Effect: String, Sendable, Codable {
    /// Gives the same output each time: the host may repeat the stage, and caches its output.
    case pure
    /// Continues where it stopped: the host may repeat the stage after a transient failure.
    case resumable
    /// Can't be undone, such as creating a post: repeated only if the ledger allows it.
    case irreversible
}

/// The resource that a stage uses most. The host limits how many stages use each resource at once.
public enum Resource: String, Sendable, Codable {
    /// The processor, such as for encoding.
    case cpu
    /// The network: runs in parallel with processor work on other assets.
    case network
    /// Neither processor nor network to a noticeable degree.
    case light
}

/// What a stage would do for one asset; returned by ``Stage/plan(_:_:)``.
public struct StagePlan: Sendable {
    /// What the stage would do, in one line.
    public var action: String
    /// The reasons for it, one sentence each.
    public var reasons: [String]
    /// Machine-readable facts, such as the strategy or the expected size.
    public var details: [String: JSONValue]
    /// The artifact that the next stage plans with: exact if that is cheap, otherwise an estimate; nil if unknown.
    public var output: (any Artifact)?
    /// Warnings and notes for the user. Throw an error instead if the stage can't run.
    public var findings: [Diagnostic]

    public init(
        action: String, reasons: [String] = [], details: [String: JSONValue] = [:], output: (any Artifact)? = nil,
        findings: [Diagnostic] = []
    ) {
        self.action = action
        self.reasons = reasons
        self.details = details
        self.output = output
        self.findings = findings
    }
}
