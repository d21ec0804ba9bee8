/// One step of a pipeline: takes one artifact, gives another.
///
/// A stage is a value made from its options; it keeps no state between assets and reaches the world only through the
/// context that it is handed.
///
/// ```swift
/// public struct Slate: Stage {
///     public static let name: StageName = "slate"
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
    /// Documented, ranged, defaulted options: decoding, help and schema all come from them.
    associatedtype Options: StageOptions
    /// What it takes.
    associatedtype Input: Artifact
    /// What it gives.
    associatedtype Output: Artifact

    /// The name used in pipeline files; stable, never derived from the type's name.
    static var name: StageName { get }
    /// One sentence for lists and help.
    static var summary: String { get }
    /// Raised when the same input and options would give another output: part of the key for reuse.
    static var version: Int { get }
    /// What running it twice would do.
    static var effect: Effect { get }
    /// What it mostly uses, which decides what may run beside it.
    static var resource: Resource { get }

    /// Makes the stage.
    /// - Throws: `StageError` with code `invalid-option` when options contradict each other.
    init(options: Options) throws(StageError)

    /// Finds everything that is wrong before work starts. No network, no heavy reading.
    func check(_ context: CheckContext) -> [Diagnostic]

    /// Paths of files beyond `input` that decide the output of a pure stage, whether or not they exist now: a picture
    /// that is drawn, subtitles that may stand beside the footage. Their content is part of the key for reuse.
    func dependencies(_ input: Input) -> [String]

    /// What `run` would do for `input`, and why. Writes nothing, sends nothing.
    /// - Throws: `StageError` when the stage already knows that it can't do it.
    func plan(_ input: Input, _ context: PlanContext) async throws(StageError) -> StagePlan

    /// Does the work.
    /// - Throws: `StageError`; `StageError.cancelled` when the task was cancelled.
    func run(_ input: Input, _ context: StageContext) async throws(StageError) -> Output
}

extension Stage {
    /// Version 1.
    public static var version: Int { 1 }
    /// Nothing to find.
    public func check(_ context: CheckContext) -> [Diagnostic] { [] }
    /// None.
    public func dependencies(_ input: Input) -> [String] { [] }
    /// A plan that says no more than the stage's summary.
    public func plan(_ input: Input, _ context: PlanContext) async throws(StageError) -> StagePlan {
        StagePlan(action: Self.summary)
    }
}

/// The name of a stage in pipeline files.
public struct StageName: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral, Comparable,
    CustomStringConvertible
{
    /// Lower-case words joined with hyphens.
    public let rawValue: String
    /// A name.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A name.
    public init(stringLiteral value: String) { rawValue = value }
    /// The name.
    public var description: String { rawValue }
    /// Orders by name.
    public static func < (left: StageName, right: StageName) -> Bool { left.rawValue < right.rawValue }
}

/// What running a stage twice with the same input would do.
public enum Effect: String, Sendable, Codable {
    /// The same output again: may be repeated and its output reused.
    case pure
    /// Remote or local work that takes up where it stood: may be repeated after a failure that passes.
    case resumable
    /// Something that can't be taken back: repeated only through the ledger.
    case irreversible
}

/// What a stage mostly uses.
public enum Resource: String, Sendable, Codable {
    /// The processor: one at a time per core budget.
    case cpu
    /// The network: overlaps other assets' processor work.
    case network
    /// Neither to speak of.
    case light
}

/// What a stage would do for one asset.
public struct StagePlan: Sendable {
    /// What it would do, in one line.
    public var action: String
    /// Why, one sentence each.
    public var reasons: [String]
    /// Facts for scripts, such as the strategy or the expected size.
    public var details: [String: JSONValue]
    /// What the next stage can plan with: exact where that is cheap, an estimate otherwise; nil when unknown.
    public var output: (any Artifact)?
    /// What a person should know before it runs; warnings and notes, since what can't be done is thrown.
    public var findings: [Diagnostic]

    /// A plan.
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
