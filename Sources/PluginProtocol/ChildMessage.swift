public import PipelineKit

/// A message from a child process to its host.
public enum ChildMessage: Sendable, Hashable {
    /// The answer to `hello`.
    case ready(ChildReady)
    /// A progress report of the running request.
    case progress(ProgressMessage)
    /// A line for the host's log.
    case log(LogMessage)
    /// A call of a host service.
    case service(ServiceMessage)
    /// The result of a successful request.
    case result(ResultMessage)
    /// The error of a failed request; without an id, an error that ends the session.
    case failure(id: Int?, FailureMessage)
}

/// A child's answer to ``HostHello``: the protocol version, and the stages that it offers.
public struct ChildReady: Sendable, Hashable, Codable {
    /// The protocol version to use: one that the host supports, or the child's own if it supports none of them.
    public var version: Int
    /// The plugin's name, as in its `plugin.json`.
    public var name: String
    /// The plugin's version, as in its `plugin.json`.
    public var release: String
    /// The requests that the child supports beyond `run`: `check` and `plan`. The host ignores unknown ones.
    public var features: [String]
    /// The stages that the child offers.
    public var stages: [StageDescription]
    /// The sandbox mechanisms in force: `landlock` (files), `seccomp` (network and other processes); nil if the host
    /// sent no policy.
    public var confinement: [String]?

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

    /// Decodes an answer. A child of another protocol version may leave out every field but `protocol`.
    /// - Throws: `DecodingError` for wrong types, and for fields missing in this protocol version.
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

/// The wire format of ``StageProgress``.
public struct ProgressMessage: Sendable, Hashable, Codable {
    /// The id of the running request.
    public var id: Int
    /// The completed fraction of the work, 0 … 1.
    public var fraction: Double
    /// Seconds of footage processed per second.
    public var speed: Double?
    /// Frames processed per second.
    public var framesPerSecond: Double?
    /// Bytes sent per second.
    public var bytesPerSecond: Double?

    public init(id: Int, _ progress: StageProgress) {
        self.id = id
        fraction = progress.fraction
        speed = progress.speed
        framesPerSecond = progress.framesPerSecond
        bytesPerSecond = progress.bytesPerSecond
    }

    /// The report with invalid numbers corrected: the fraction is limited to 0 … 1, and implausible rates become nil.
    public var progress: StageProgress {
        func sane(_ number: Double?) -> Double? { number.flatMap { $0 >= 0 && $0 < 1e15 ? $0 : nil } }
        return StageProgress(
            fraction: min(1, max(0, fraction.isFinite ? fraction : 0)), speed: sane(speed),
            framesPerSecond: sane(framesPerSecond), bytesPerSecond: sane(bytesPerSecond))
    }
}

/// A line for the host's log.
public struct LogMessage: Sendable, Hashable, Codable {
    /// The id of the running request.
    public var id: Int
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    public var level: String
    public var message: String
    /// Structured metadata of the line.
    public var metadata: [String: String]?

    public init(id: Int, level: String, message: String, metadata: [String: String]? = nil) {
        self.id = id
        self.level = level
        self.message = message
        self.metadata = metadata
    }
}

/// A service of the host that a child can call while it runs a stage.
public enum HostService: String, Sendable, Codable, CaseIterable {
    /// Reads a durable note of this stage for this asset: `key` is its name.
    case checkpointGet = "checkpoint.get"
    /// Writes a durable note: `key` is its name, `value` the note.
    case checkpointSet = "checkpoint.set"
    /// Waits for a permit: `key` names the limit, `value` has `permits`, `window` (seconds) and optionally `subject`.
    case permit
    /// Reads a secret that the plugin's manifest declares and the user allows: `key` is its name.
    case secret
    /// Reports that the remote service rejected a call because of its rate limit. This service and all below are
    /// reserved for children that run the program itself.
    case permitRefused = "permit.refused"
    /// Reports that the remote service accepts calls again.
    case permitGranted = "permit.granted"
    /// Reads an account's credentials.
    case credentials
    /// Renews credentials after the remote service rejected an access token.
    case credentialsRenewed = "credentials.renewed"
    /// Finds a post in the ledger.
    case ledgerFind = "ledger.find"
    /// Reserves a post in the ledger.
    case ledgerReserve = "ledger.reserve"
    /// Applies a state change to a post.
    case ledgerApply = "ledger.apply"
    /// Records the speed of an upload.
    case ledgerNote = "ledger.note"
    /// Reads the speed of recent uploads.
    case ledgerRate = "ledger.rate"

    /// The services that every child may call, plugins included.
    public static let open: [HostService] = [.checkpointGet, .checkpointSet, .permit, .secret]
}

/// A call of a host service, which the host answers with ``ServiceAnswer``.
public struct ServiceMessage: Sendable, Hashable {
    /// The service to call: the message's `type`.
    public var service: HostService
    /// The id of the request that the call belongs to.
    public var id: Int
    /// The number of this call, which the answer repeats.
    public var request: Int
    /// The subject of the call, such as the name of a note or a secret.
    public var key: String
    /// The argument of the call; nil if the service takes none.
    public var value: JSONValue?

    public init(_ service: HostService, id: Int, request: Int, key: String, value: JSONValue? = nil) {
        self.service = service
        self.id = id
        self.request = request
        self.key = key
        self.value = value
    }
}

/// The result of a successful request. The type of request decides which field is set.
public struct ResultMessage: Sendable, Hashable, Codable {
    /// The id of the request.
    public var id: Int
    /// The output of `run`.
    public var artifact: JSONValue?
    /// The plan that `plan` returned.
    public var plan: PlanMessage?
    /// The problems that `check` found.
    public var findings: [Diagnostic]?

    public init(id: Int, artifact: JSONValue? = nil, plan: PlanMessage? = nil, findings: [Diagnostic]? = nil) {
        self.id = id
        self.artifact = artifact
        self.plan = plan
        self.findings = findings
    }
}

/// The wire format of ``StagePlan``.
public struct PlanMessage: Sendable, Hashable, Codable {
    /// What `run` would do, in one line.
    public var action: String
    /// The reasons for it, one sentence each.
    public var reasons: [String]
    /// Machine-readable facts, such as the expected size.
    public var details: [String: JSONValue]
    /// The artifact that the next stage plans with; nil if unknown.
    public var output: JSONValue?
    /// Warnings and notes for the user.
    public var findings: [Diagnostic]?

    /// Converts a plan to its wire format.
    /// - Throws: `EncodingError` if the output has no JSON form.
    public init(_ plan: StagePlan) throws {
        action = plan.action
        reasons = plan.reasons
        details = plan.details
        output = try plan.output.map { try JSONValue(encoding: $0) }
        findings = plan.findings.isEmpty ? nil : plan.findings
    }
}

/// The wire format of ``StageError``.
public struct FailureMessage: Sendable, Hashable, Codable {
    /// The stable name of the error, such as `invalid-option`.
    public var code: String
    /// What happened, in one sentence.
    public var message: String
    /// The next step for the user.
    public var hint: String?
    /// The message of the underlying error, for the log.
    public var cause: String?
    /// The program's exit status; nil for the default of `code`.
    public var outcome: Int?
    /// `permanent` (the default), `transient`, `limited` or `ambiguous`.
    public var recovery: String?
    /// Seconds to wait before the next attempt, for `transient` and `limited`.
    public var after: Double?

    /// Converts an error to its wire format.
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

    /// The message as an error, with an invalid ``after`` corrected.
    public var error: StageError {
        // A child may send any number: wait a month at most.
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

    /// Decodes a message according to its `type`.
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

    /// Encodes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
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
