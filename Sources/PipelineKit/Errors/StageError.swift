/// Why a stage failed: a message for the user, and what the runner needs to decide on a retry and the exit status.
///
/// A stage throws this error only. State the ``Recovery`` where the error arises: nothing is derived from the text.
public struct StageError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// A stable name for what happened. Plugins can add their own.
    public struct Code: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral {
        /// The name in kebab case, without variable parts, so that it can be a metric label.
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }

        /// The footage can't be used as it is.
        public static let unusableFootage: Code = "unusable-footage"
        /// The footage no longer matches the digest that was taken at the start; the asset starts again.
        public static let footageChanged: Code = "footage-changed"
        /// The value of an option is not valid in this situation.
        public static let invalidOption: Code = "invalid-option"
        /// A file could not be read or written.
        public static let fileSystem: Code = "file-system"
        /// The disk is full.
        public static let diskFull: Code = "disk-full"
        /// The prepared file would exceed a limit of the service.
        public static let overLimit: Code = "over-limit"
        /// An encoder, decoder or filter failed.
        public static let media: Code = "media"
        /// The service could not be reached or answered with a server error.
        public static let unavailable: Code = "unavailable"
        /// A rate limit or daily limit was reached.
        public static let limited: Code = "limited"
        /// The post is scheduled for later.
        public static let scheduled: Code = "scheduled"
        /// Another process is working on the same asset or post.
        public static let busy: Code = "busy"
        /// Not logged in, token rejected, or a permission is missing.
        public static let notAuthorised: Code = "not-authorised"
        /// The service rejected the content of the request.
        public static let refused: Code = "refused"
        /// Whether the service acted on the request is unknown.
        public static let unconfirmed: Code = "unconfirmed"
        /// A setting of the machine or the program is wrong.
        public static let configuration: Code = "configuration"
        /// The work was cancelled by the user.
        public static let cancelled: Code = "cancelled"
        /// The stage took longer than its `timeout`.
        public static let timeout: Code = "timeout"
        /// A plugin crashed, violated the protocol or exceeded its limits.
        public static let plugin: Code = "plugin"
        /// A bug in this program.
        public static let internalFault: Code = "internal"
    }

    /// What the runner may do about an error. Decided where the error arises, never from its text.
    public enum Recovery: Sendable, Hashable, Codable {
        /// Don't retry: the same attempt would fail again.
        case permanent
        /// Retry after the backoff, or after `after` seconds when the service named a delay.
        case transient(after: Double?)
        /// A limit was reached: wait `after` seconds, or a minute when nil, without using up an attempt.
        case limited(after: Double?)
        /// The outcome is unknown: look it up, and never repeat the request blindly.
        case ambiguous
    }

    /// The exit status of the program when the error ends an asset.
    public enum Outcome: Int, Sendable, Hashable, Codable {
        /// 1: failed permanently, for a reason without a status of its own.
        case failed = 1
        /// 65: the pipeline or the footage is invalid, or doesn't fit.
        case invalidData = 65
        /// 69: the service is still unavailable after all retries.
        case unavailable = 69
        /// 75: a limit was reached, or another process is busy; try again later.
        case tryLater = 75
        /// 77: log in or grant a permission first.
        case notAuthorised = 77
        /// 78: the machine or its settings don't meet the requirements.
        case configuration = 78
        /// 130: interrupted by the user.
        case interrupted = 130
    }

    public var code: Code
    /// What happened and where, in one sentence without a full stop.
    public var message: String
    /// What to do next, as an imperative.
    public var hint: String?
    /// What the runner may do about it.
    public var recovery: Recovery
    /// The exit status if it ends the asset.
    public var outcome: Outcome
    /// The original text of the library or service, for the log. Never put a secret in it.
    public var cause: String?

    /// Creates an error, which is permanent unless `recovery` says otherwise.
    /// - Parameter outcome: The exit status; nil for the usual one of `code`.
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

    /// The error to throw when the work is cancelled.
    public static let cancelled = StageError(.cancelled, "stopped on request")

    /// The message, followed by the hint in parentheses.
    public var description: String { hint.map { "\(message) (\($0))" } ?? message }
}
