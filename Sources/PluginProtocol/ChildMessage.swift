package import PipelineKit

/// A message from a child process to its host.
package enum ChildMessage: Sendable, Hashable {
    /// The answer to `hello`.
    case ready(ChildReady)
    /// A progress report of the running request.
    case progress(ProgressMessage)
    /// A line for the host's log.
    case log(LogMessage)
    /// A call of a host service.
    case service(ServiceCall)
    /// The result of a successful request.
    case result(ResultMessage)
    /// The error of a failed request; without an id, an error that ends the session.
    case failure(id: Int?, FailureMessage)
}

/// A child's answer to ``HostHello``: the protocol version, and the stages that it offers.
package struct ChildReady: Sendable, Hashable, Codable {
    /// The protocol version to use: one that the host supports, or the child's own if it supports none of them.
    package var version: Int
    /// The plugin's name, as in its `plugin.json`.
    package var name: String
    /// The plugin's version, as in its `plugin.json`.
    package var release: String
    /// The requests that the child supports beyond `run`: `check` and `plan`. The host ignores unknown ones.
    package var features: [String]
    /// The stages that the child offers.
    package var stages: [StageDescription]
    /// The sandbox mechanisms in force: `landlock` (files), `seccomp` (network and other processes); nil if the host
    /// sent no policy.
    package var confinement: [String]?

    package init(
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
    package init(from decoder: any Decoder) throws {
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
package struct ProgressMessage: Sendable, Hashable, Codable {
    /// The id of the running request.
    package var id: Int
    /// The completed fraction of the work, 0 … 1.
    package var fraction: Double
    /// Seconds of footage processed per second.
    package var speed: Double?
    /// Frames processed per second.
    package var framesPerSecond: Double?
    /// Bytes sent per second.
    package var bytesPerSecond: Double?

    package init(id: Int, _ progress: StageProgress) {
        self.id = id
        fraction = progress.fraction
        speed = progress.speed
        framesPerSecond = progress.framesPerSecond
        bytesPerSecond = progress.bytesPerSecond
    }

    /// The report with invalid numbers corrected: the fraction is limited to 0 … 1, and implausible rates become nil.
    package var progress: StageProgress {
        func plausible(_ number: Double?) -> Double? { number.flatMap { $0 >= 0 && $0 < 1e15 ? $0 : nil } }
        return StageProgress(
            fraction: min(1, max(0, fraction.isFinite ? fraction : 0)), speed: plausible(speed),
            framesPerSecond: plausible(framesPerSecond), bytesPerSecond: plausible(bytesPerSecond))
    }
}

/// A line for the host's log.
package struct LogMessage: Sendable, Hashable, Codable {
    /// The id of the running request.
    package var id: Int
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    package var level: String
    package var message: String
    /// Structured metadata of the line.
    package var metadata: [String: String]?

    package init(id: Int, level: String, message: String, metadata: [String: String]? = nil) {
        self.id = id
        self.level = level
        self.message = message
        self.metadata = metadata
    }
}

/// The result of a successful request. The type of request decides which field is set.
package struct ResultMessage: Sendable, Hashable, Codable {
    /// The id of the request.
    package var id: Int
    /// The output of `run`.
    package var artifact: JSONValue?
    /// The plan that `plan` returned.
    package var plan: PlanMessage?
    /// The problems that `check` found.
    package var findings: [Diagnostic]?

    package init(id: Int, artifact: JSONValue? = nil, plan: PlanMessage? = nil, findings: [Diagnostic]? = nil) {
        self.id = id
        self.artifact = artifact
        self.plan = plan
        self.findings = findings
    }
}

/// The wire format of ``StagePlan``.
package struct PlanMessage: Sendable, Hashable, Codable {
    /// What `run` would do, in one line.
    package var action: String
    /// The reasons for it, one sentence each.
    package var reasons: [String]
    /// Machine-readable facts, such as the expected size.
    package var details: [String: JSONValue]
    /// The artifact that the next stage plans with; nil if unknown.
    package var output: JSONValue?
    /// Warnings and notes for the user.
    package var findings: [Diagnostic]?

    /// Converts a plan to its wire format.
    /// - Throws: `EncodingError` if the output has no JSON form.
    package init(_ plan: StagePlan) throws {
        action = plan.action
        reasons = plan.reasons
        details = plan.details
        output = try plan.output.map { try JSONValue(encoding: $0) }
        findings = plan.findings.isEmpty ? nil : plan.findings
    }
}

/// The wire format of ``StageError``.
package struct FailureMessage: Sendable, Hashable, Codable {
    /// The stable name of the error, such as `invalid-option`.
    package var code: String
    /// What happened, in one sentence.
    package var message: String
    /// The next step for the user.
    package var hint: String?
    /// The message of the underlying error, for the log.
    package var cause: String?
    /// The program's exit status; nil for the default of `code`.
    package var outcome: Int?
    /// `permanent` (the default), `transient`, `limited` or `ambiguous`.
    package var recovery: String?
    /// Seconds to wait before the next attempt, for `transient` and `limited`.
    package var after: Double?

    /// Converts an error to its wire format.
    package init(_ error: StageError) {
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
    package var error: StageError {
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
    package init(from decoder: any Decoder) throws {
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
                ServiceCall(
                    service, id: try container.decode(Int.self, forKey: .id),
                    request: try container.decode(Int.self, forKey: .request),
                    key: try container.decode(String.self, forKey: .key),
                    value: try container.decodeIfPresent(JSONValue.self, forKey: .value)))
        }
    }

    /// Encodes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func encode(to encoder: any Encoder) throws {
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
        case .service(let call):
            try container.encode(call.service.rawValue, forKey: .type)
            try container.encode(call.id, forKey: .id)
            try container.encode(call.request, forKey: .request)
            try container.encode(call.key, forKey: .key)
            try container.encodeIfPresent(call.value, forKey: .value)
        case .failure(let id, let error):
            try container.encode("failure", forKey: .type)
            try container.encodeIfPresent(id, forKey: .id)
            try container.encode(error, forKey: .error)
        }
    }
}
