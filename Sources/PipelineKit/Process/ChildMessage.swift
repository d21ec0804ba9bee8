/// What a child says to its host.
public enum ChildMessage: Sendable, Hashable {
    /// The answer to `hello`.
    case ready(ChildReady)
    /// How far the running request has come.
    case progress(ProgressMessage)
    /// A line for the host's log.
    case log(LogMessage)
    /// Asks for a durable note.
    case checkpointGet(CheckpointMessage)
    /// Writes a durable note.
    case checkpointSet(CheckpointMessage)
    /// A request is done.
    case result(ResultMessage)
    /// A request failed, or, without an id, the conversation did.
    case failure(id: Int?, FailureMessage)
}

/// How a child answers the greeting.
public struct ChildReady: Sendable, Hashable, Codable {
    /// The version of the protocol that it speaks.
    public var version: Int
    /// Names of the stages that it works for.
    public var stages: [String]

    /// An answer.
    public init(version: Int = StageProtocol.version, stages: [String]) {
        self.version = version
        self.stages = stages
    }

    private enum CodingKeys: String, CodingKey { case stages, version = "protocol" }
}

/// A progress report on its way.
public struct ProgressMessage: Sendable, Hashable, Codable {
    /// The request.
    public var id: Int
    /// Share of the work done, 0 … 1.
    public var fraction: Double
    /// Seconds of footage handled per second.
    public var speed: Double?
    /// Frames per second.
    public var framesPerSecond: Double?
    /// Bytes per second.
    public var bytesPerSecond: Double?

    /// A report.
    public init(id: Int, _ progress: StageProgress) {
        self.id = id
        fraction = progress.fraction
        speed = progress.speed
        framesPerSecond = progress.framesPerSecond
        bytesPerSecond = progress.bytesPerSecond
    }

    /// The report as stages give it.
    public var progress: StageProgress {
        StageProgress(
            fraction: fraction, speed: speed, framesPerSecond: framesPerSecond, bytesPerSecond: bytesPerSecond)
    }
}

/// A log line on its way.
public struct LogMessage: Sendable, Hashable, Codable {
    /// The request.
    public var id: Int
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    public var level: String
    /// The line.
    public var message: String
    /// What belongs to it.
    public var metadata: [String: String]?

    /// A line.
    public init(id: Int, level: String, message: String, metadata: [String: String]? = nil) {
        self.id = id
        self.level = level
        self.message = message
        self.metadata = metadata
    }
}

/// A question about, or a write of, a durable note.
public struct CheckpointMessage: Sendable, Hashable, Codable {
    /// The request that it belongs to.
    public var id: Int
    /// Names this message in the host's answer.
    public var request: Int
    /// The note's key.
    public var key: String
    /// The note to write; nil when it is asked for.
    public var value: JSONValue?

    /// A message.
    public init(id: Int, request: Int, key: String, value: JSONValue? = nil) {
        self.id = id
        self.request = request
        self.key = key
        self.value = value
    }
}

/// The end of a request that went well. Which field is there depends on what was asked.
public struct ResultMessage: Sendable, Hashable, Codable {
    /// The request.
    public var id: Int
    /// The artifact that `run` gave.
    public var artifact: JSONValue?
    /// What `plan` found.
    public var plan: PlanMessage?
    /// What `check` found.
    public var findings: [Diagnostic]?

    /// A result.
    public init(id: Int, artifact: JSONValue? = nil, plan: PlanMessage? = nil, findings: [Diagnostic]? = nil) {
        self.id = id
        self.artifact = artifact
        self.plan = plan
        self.findings = findings
    }
}

/// A plan on its way.
public struct PlanMessage: Sendable, Hashable, Codable {
    /// What `run` would do.
    public var action: String
    /// Why.
    public var reasons: [String]
    /// Facts for scripts.
    public var details: [String: JSONValue]
    /// What the next stage can plan with.
    public var output: JSONValue?
    /// What a person should know before it runs.
    public var findings: [Diagnostic]?

    /// A plan.
    /// - Throws: `EncodingError` when the output has no JSON form.
    public init(_ plan: StagePlan) throws {
        action = plan.action
        reasons = plan.reasons
        details = plan.details
        output = try plan.output.map { try JSONValue(encoding: $0) }
        findings = plan.findings.isEmpty ? nil : plan.findings
    }
}

/// A `StageError` on its way, in plain fields.
public struct FailureMessage: Sendable, Hashable, Codable {
    /// The error's code.
    public var code: String
    /// What happened.
    public var message: String
    /// What to do next.
    public var hint: String?
    /// What lies beneath.
    public var cause: String?
    /// The exit status that it leads to; the code's own when left out.
    public var outcome: Int?
    /// `permanent` (also when left out), `transient`, `limited` or `ambiguous`.
    public var recovery: String?
    /// Seconds to wait before the next attempt, for `transient` and `limited`.
    public var after: Double?

    /// The error in plain fields.
    public init(_ error: StageError) {
        code = error.code.rawValue
        message = error.message
        hint = error.hint
        cause = error.cause
        outcome = error.outcome.rawValue
        switch error.recovery {
        case .permanent: recovery = "permanent"
        case .transient(let after): (recovery, self.after) = ("transient", after)
        case .limited(let after): (recovery, self.after) = ("limited", after)
        case .ambiguous: recovery = "ambiguous"
        }
    }

    /// The error as stages throw it.
    public var error: StageError {
        let recovery: StageError.Recovery =
            switch recovery {
            case "transient": .transient(after: after)
            case "limited": .limited(after: after)
            case "ambiguous": .ambiguous
            default: .permanent
            }
        return StageError(
            StageError.Code(rawValue: code), message, hint: hint, recovery: recovery,
            outcome: outcome.flatMap(StageError.Outcome.init(rawValue:)), cause: cause)
    }
}

extension ChildMessage: Codable {
    private enum Kind: String, Codable {
        case ready, progress, log, result, failure
        case checkpointGet = "checkpoint.get"
        case checkpointSet = "checkpoint.set"
    }
    private enum CodingKeys: String, CodingKey { case type, id, error }

    /// Reads a message by its `type`.
    /// - Throws: `DecodingError` for an unknown type or missing fields.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .type) {
        case .ready: self = .ready(try ChildReady(from: decoder))
        case .progress: self = .progress(try ProgressMessage(from: decoder))
        case .log: self = .log(try LogMessage(from: decoder))
        case .checkpointGet: self = .checkpointGet(try CheckpointMessage(from: decoder))
        case .checkpointSet: self = .checkpointSet(try CheckpointMessage(from: decoder))
        case .result: self = .result(try ResultMessage(from: decoder))
        case .failure:
            self = .failure(
                id: try container.decodeIfPresent(Int.self, forKey: .id),
                try container.decode(FailureMessage.self, forKey: .error))
        }
    }

    /// Writes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't hold.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func put(_ kind: Kind, _ body: some Encodable) throws {
            try container.encode(kind, forKey: .type)
            try body.encode(to: encoder)
        }
        switch self {
        case .ready(let ready): try put(.ready, ready)
        case .progress(let progress): try put(.progress, progress)
        case .log(let line): try put(.log, line)
        case .checkpointGet(let message): try put(.checkpointGet, message)
        case .checkpointSet(let message): try put(.checkpointSet, message)
        case .result(let result): try put(.result, result)
        case .failure(let id, let error):
            try container.encode(Kind.failure, forKey: .type)
            try container.encodeIfPresent(id, forKey: .id)
            try container.encode(error, forKey: .error)
        }
    }
}
