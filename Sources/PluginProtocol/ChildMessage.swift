public import PipelineKit

/// What a child says to its host.
public enum ChildMessage: Sendable, Hashable {
    /// The answer to `hello`.
    case ready(ChildReady)
    /// How far the running request has come.
    case progress(ProgressMessage)
    /// A line for the host's log.
    case log(LogMessage)
    /// Asks the host for something.
    case service(ServiceMessage)
    /// A request is done.
    case result(ResultMessage)
    /// A request failed, or, without an id, the conversation did.
    case failure(id: Int?, FailureMessage)
}

/// How a child answers the greeting.
public struct ChildReady: Sendable, Hashable, Codable {
    /// The version of the protocol that it speaks: of those that the host named, or its own when it knows none of them.
    public var version: Int
    /// The plugin's name.
    public var name: String
    /// The plugin's version, for people.
    public var release: String
    /// What it answers beyond `run`: `check` and `plan`. Unknown ones are ignored.
    public var features: [String]
    /// The stages that it works for.
    public var stages: [StageDescription]
    /// What confines it: `landlock` (files), `seccomp` (network and other processes).
    public var confinement: [String]?

    /// An answer.
    public init(
        version: Int = StageProtocol.version, name: String, release: String, features: [String] = ["check", "plan"],
        stages: [StageDescription], confinement: [String]? = nil
    ) {
        self.version = version
        self.name = name
        self.release = release
        self.features = features
        self.stages = stages
        self.confinement = confinement
    }

    private enum CodingKeys: String, CodingKey {
        case name, features, stages, confinement, version = "protocol", release = "version"
    }

    /// Reads an answer; a child of another version may lack everything but `protocol`.
    /// - Throws: `DecodingError` for wrong types, and for missing fields in this version.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(Int.self, forKey: .version)
        let isOurs = version == StageProtocol.version
        name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
        release = try container.decodeIfPresent(String.self, forKey: .release) ?? ""
        features = try container.decodeIfPresent([String].self, forKey: .features) ?? []
        stages = isOurs ? try container.decode([StageDescription].self, forKey: .stages) : []
        confinement = try container.decodeIfPresent([String].self, forKey: .confinement)
    }
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

    /// The report as stages give it; what can't be is brought back to what can.
    public var progress: StageProgress {
        func sane(_ number: Double?) -> Double? { number.flatMap { $0 >= 0 && $0 < 1e15 ? $0 : nil } }
        return StageProgress(
            fraction: min(1, max(0, fraction.isFinite ? fraction : 0)), speed: sane(speed),
            framesPerSecond: sane(framesPerSecond), bytesPerSecond: sane(bytesPerSecond))
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

/// What a child can ask its host for.
public enum HostService: String, Sendable, Codable, CaseIterable {
    /// A durable note of this stage for this asset: `key` is its name.
    case checkpointGet = "checkpoint.get"
    /// Writes one: `value` is the note.
    case checkpointSet = "checkpoint.set"
    /// Waits for a permit: `key` names the limit, `value` has `permits`, `window` (seconds) and, if need be, `subject`.
    case permit
    /// A secret that the plugin's manifest declares and the user allows: `key` is its name.
    case secret
    /// A refused permit; only for children that are this program. So are all that follow.
    case permitRefused = "permit.refused"
    /// A permit that was granted after all.
    case permitGranted = "permit.granted"
    /// The account's credentials.
    case credentials
    /// New credentials after the service refused some.
    case credentialsRenewed = "credentials.renewed"
    /// A post of the ledger.
    case ledgerFind = "ledger.find"
    /// Claims a post.
    case ledgerReserve = "ledger.reserve"
    /// Takes a post a step further.
    case ledgerApply = "ledger.apply"
    /// Keeps how fast an upload went.
    case ledgerNote = "ledger.note"
    /// How fast uploads went.
    case ledgerRate = "ledger.rate"

    /// What any child may ask for.
    public static let open: [HostService] = [.checkpointGet, .checkpointSet, .permit, .secret]
}

/// A question to the host, which answers with ``ServiceAnswer``.
public struct ServiceMessage: Sendable, Hashable {
    /// What is asked for: the message's `type`.
    public var service: HostService
    /// The request that it belongs to.
    public var id: Int
    /// Names this question in the host's answer.
    public var request: Int
    /// What it is about.
    public var key: String
    /// What belongs to it.
    public var value: JSONValue?

    /// A question.
    public init(_ service: HostService, id: Int, request: Int, key: String, value: JSONValue? = nil) {
        self.service = service
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
        // At most a month: who knows what was sent.
        let after = after.map { $0.isFinite ? min(max($0, 0), 31 * 86400) : 0 }
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
    private enum CodingKeys: String, CodingKey { case type, id, error, request, key, value }

    /// Reads a message by its `type`.
    /// - Throws: `DecodingError` for an unknown type or missing fields.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.decode(String.self, forKey: .type)
        switch type {
        case "ready": self = .ready(try ChildReady(from: decoder))
        case "progress": self = .progress(try ProgressMessage(from: decoder))
        case "log": self = .log(try LogMessage(from: decoder))
        case "result": self = .result(try ResultMessage(from: decoder))
        case "failure":
            self = .failure(
                id: try container.decodeIfPresent(Int.self, forKey: .id),
                try container.decode(FailureMessage.self, forKey: .error))
        default:
            guard let service = HostService(rawValue: type) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .type, in: container, debugDescription: "unknown type \"\(type)\"")
            }
            self = .service(
                ServiceMessage(
                    service, id: try container.decode(Int.self, forKey: .id),
                    request: try container.decode(Int.self, forKey: .request),
                    key: try container.decode(String.self, forKey: .key),
                    value: try container.decodeIfPresent(JSONValue.self, forKey: .value)))
        }
    }

    /// Writes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't hold.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func put(_ type: String, _ body: some Encodable) throws {
            try container.encode(type, forKey: .type)
            try body.encode(to: encoder)
        }
        switch self {
        case .ready(let ready): try put("ready", ready)
        case .progress(let progress): try put("progress", progress)
        case .log(let line): try put("log", line)
        case .result(let result): try put("result", result)
        case .service(let question):
            try container.encode(question.service.rawValue, forKey: .type)
            try container.encode(question.id, forKey: .id)
            try container.encode(question.request, forKey: .request)
            try container.encode(question.key, forKey: .key)
            try container.encodeIfPresent(question.value, forKey: .value)
        case .failure(let id, let error):
            try container.encode("failure", forKey: .type)
            try container.encodeIfPresent(id, forKey: .id)
            try container.encode(error, forKey: .error)
        }
    }
}
