/// Why a stage could not do its work, in a form that a person can act on and the runner can decide by.
public struct StageError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// A stable name for what happened; stages of others may add their own.
    public struct Code: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral {
        /// The name in kebab case, bounded and without variable parts, so that it fits a metric label.
        public let rawValue: String
        /// A code from its name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// A code from its name.
        public init(stringLiteral value: String) { rawValue = value }

        /// The footage can't be used as it is.
        public static let unusableFootage: Code = "unusable-footage"
        /// The footage is another file than when its digest was taken: the asset is taken up anew.
        public static let footageChanged: Code = "footage-changed"
        /// An option has a value that does not work here.
        public static let invalidOption: Code = "invalid-option"
        /// A file could not be read or written.
        public static let fileSystem: Code = "file-system"
        /// The disk is full.
        public static let diskFull: Code = "disk-full"
        /// The prepared file would exceed a limit.
        public static let overLimit: Code = "over-limit"
        /// An encoder, decoder or filter failed.
        public static let media: Code = "media"
        /// The service could not be reached or answered with a server error.
        public static let unavailable: Code = "unavailable"
        /// A rate or daily limit was reached.
        public static let limited: Code = "limited"
        /// The post is to be created later.
        public static let scheduled: Code = "scheduled"
        /// Another process is at the same work.
        public static let busy: Code = "busy"
        /// Not logged in, token refused, or a permission is missing.
        public static let notAuthorised: Code = "not-authorised"
        /// The service refused the request for what it says.
        public static let refused: Code = "refused"
        /// It can't be known whether the service acted.
        public static let unconfirmed: Code = "unconfirmed"
        /// A setting of this machine or program is wrong.
        public static let configuration: Code = "configuration"
        /// The work was stopped on request.
        public static let cancelled: Code = "cancelled"
        /// The stage took longer than its `timeout`.
        public static let timeout: Code = "timeout"
        /// A plugin crashed, broke its protocol or used more than it may.
        public static let plugin: Code = "plugin"
        /// A fault of the program itself.
        public static let internalFault: Code = "internal"
    }

    /// What may be done about an error by machine. Decided where the error arises, never from its text.
    public enum Recovery: Sendable, Hashable, Codable {
        /// The same attempt would fail again.
        case permanent
        /// May pass: try again after a back-off, or after `after` seconds when the service said so.
        case transient(after: Double?)
        /// A limit: wait `after` seconds when known.
        case limited(after: Double?)
        /// The outcome is unknown: look it up, never repeat blindly.
        case ambiguous
    }

    /// Which exit status of the program an error leads to when it ends an asset.
    public enum Outcome: Int, Sendable, Hashable, Codable {
        /// 1: failed for good.
        case failed = 1
        /// 65: the pipeline or the footage is not valid, or needs another file or setting.
        case invalidData = 65
        /// 69: the service is unavailable after retries.
        case unavailable = 69
        /// 75: a limit; try again later.
        case tryLater = 75
        /// 77: not authorised.
        case notAuthorised = 77
        /// 78: the machine or its settings are not as needed.
        case configuration = 78
        /// 130: interrupted.
        case interrupted = 130
    }

    /// A stable name for what happened.
    public var code: Code
    /// What happened, in one sentence.
    public var message: String
    /// What to do next.
    public var hint: String?
    /// What a machine may do about it.
    public var recovery: Recovery
    /// The exit status it leads to.
    public var outcome: Outcome
    /// What lies beneath: a library's or service's own words, for the log. Never a secret.
    public var cause: String?

    /// An error.
    /// - Parameters:
    ///   - outcome: The exit status; when nil, the one that belongs to `code`.
    public init(
        _ code: Code, _ message: String, hint: String? = nil, recovery: Recovery = .permanent,
        outcome: Outcome? = nil, cause: String? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.recovery = recovery
        self.outcome = outcome ?? Self.usualOutcome(of: code)
        self.cause = cause
    }

    private static func usualOutcome(of code: Code) -> Outcome {
        switch code {
        case .unusableFootage, .footageChanged, .invalidOption, .refused: .invalidData
        case .unavailable: .unavailable
        case .limited, .busy, .scheduled: .tryLater
        case .notAuthorised: .notAuthorised
        case .configuration, .diskFull: .configuration
        case .cancelled: .interrupted
        default: .failed
        }
    }

    /// The error for work that was stopped on request.
    public static let cancelled = StageError(.cancelled, "stopped on request")

    /// `message (hint)`.
    public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
