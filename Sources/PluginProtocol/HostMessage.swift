import Foundation
import Logging
package import PipelineKit

/// A message from a host to a child process.
package enum HostMessage: Sendable, Hashable {
    /// The first message: protocol versions and limits.
    case hello(HostHello)
    /// Find problems before any work starts.
    case check(StageRequest)
    /// Describe what `run` would do.
    case plan(StageRequest)
    /// Run the stage on its input.
    case run(StageRequest)
    /// Stop the request with this id, which still needs an answer.
    case cancel(id: Int)
    /// The answer to a service call of the child.
    case answer(ServiceAnswer)
    /// Exit: there are no more requests.
    case shutdown
}

extension HostMessage {
    /// The id if the message is a request, otherwise nil.
    package var requestID: Int? {
        switch self {
        case .check(let request), .plan(let request), .run(let request): request.id
        case .hello, .cancel, .answer, .shutdown: nil
        }
    }

    /// The message with another id if it is a request; any other message as it is.
    package func numbered(_ id: Int) -> HostMessage {
        func numbered(_ request: StageRequest) -> StageRequest {
            var request = request
            request.id = id
            return request
        }
        return switch self {
        case .check(let request): .check(numbered(request))
        case .plan(let request): .plan(numbered(request))
        case .run(let request): .run(numbered(request))
        case .hello, .cancel, .answer, .shutdown: self
        }
    }
}

/// The host's greeting, which opens the session.
package struct HostHello: Sendable, Hashable, Codable {
    /// The protocol versions that the host supports.
    package var protocols: [Int]
    /// The host's name, for logs.
    package var host: String
    /// The host's version, for logs.
    package var version: String
    /// What the host offers, such as the names of ``HostService`` that it answers. Ignore unknown ones.
    package var features: [String]
    /// The memory that the child may use, in bytes; nil for no limit.
    package var memory: Int64?
    /// The sandbox policy that the child must apply to itself before anything else; nil for none. Children built with
    /// this library do so where the kernel supports it.
    package var sandbox: SandboxPolicy?

    private enum CodingKeys: String, CodingKey {
        case protocols, host, version, features, memory, sandbox = "reach"
    }

    package init(
        protocols: [Int] = [StageProtocol.version], host: String, version: String = "", features: [String] = [],
        memory: Int64? = nil, sandbox: SandboxPolicy? = nil
    ) {
        self.protocols = protocols
        self.host = host
        self.version = version
        self.features = features
        self.memory = memory
        self.sandbox = sandbox
    }
}

/// A request for one stage and one asset.
package struct StageRequest: Sendable, Hashable, Codable {
    /// Identifies the request in all messages about it; unique within the session. 0 until the host sends it.
    package var id: Int
    /// The stage's name, as in `uses` of the pipeline file.
    package var stage: String
    /// The stage's options as written in the pipeline file.
    package var options: [String: JSONValue]
    /// The input artifact; nil for `check`.
    package var input: JSONValue?
    /// The parts of the stage's context that the host sends along.
    package var context: RequestContext

    package init(
        id: Int = 0, stage: StageName, options: [String: JSONValue], input: JSONValue? = nil, context: RequestContext
    ) {
        self.id = id
        self.stage = stage.rawValue
        self.options = options
        self.input = input
        self.context = context
    }
}

/// The serialisable parts of ``CheckContext``, ``PlanContext`` and ``StageContext``.
package struct RequestContext: Sendable, Hashable, Codable {
    /// The values of the post's settings, by name.
    package var post: [String: JSONValue]
    /// The host's non-secret settings by environment variable name.
    package var settings: [String: String]
    /// The lowest level of log lines that the host wants.
    package var logLevel: String
    /// The folder for relative paths that the user wrote, such as those in options.
    package var currentDirectory = FileManager.default.currentDirectoryPath
    /// The account's name; nil for `plan`.
    package var account: String?
    /// The run's id. This and the following fields up to ``time`` are set only for `run`.
    package var run: String?
    /// The stage's id in the pipeline file.
    package var stageID: String?
    /// The asset's name as the user wrote it, for messages.
    package var asset: String?
    /// The number of the attempt: 1 for the first.
    package var attempt: Int?
    /// The asset's work folder; see ``StageContext/workDirectory``.
    package var workDirectory: String?
    /// The run's work folder; see ``StageContext/runDirectory``.
    package var runDirectory: String?
    /// Identifies the asset's post in the ledger.
    package var postKey: JSONValue?
    /// The host's time in seconds since 1970, which may differ from the system clock.
    package var time: Double?
    /// The problem with the account's credentials; set only for `check`.
    package var accountProblem: Diagnostic?
    /// What the stage's plan gave for the same input; `run` only, for children of this program.
    public var planned: JSONValue?

    /// Creates the context of a `plan` request.
    package init(_ context: PlanContext) {
        post = context.post.values
        settings = context.settings
        logLevel = context.logger.logLevel.rawValue
    }

    /// Creates the context of a `check` request.
    package init(_ context: CheckContext) {
        post = context.post.values
        settings = context.settings
        logLevel = "error"
        account = context.account
    }

    /// Creates the context of a `run` request.
    package init(_ context: StageContext) {
        post = context.post.values
        settings = context.settings
        logLevel = context.logger.logLevel.rawValue
        account = context.account
        run = context.runID
        stageID = context.stageID
        asset = context.asset
        attempt = context.attempt
        workDirectory = context.workDirectory.path
        runDirectory = context.runDirectory.path
        time = context.clock.now().timeIntervalSince1970
    }
}

extension HostMessage: Codable {
    private enum Kind: String { case hello, check, plan, run, cancel, answer, shutdown }
    private enum CodingKeys: String, CodingKey { case type, id, request, value, error }

    /// Decodes a message according to its `type`.
    /// - Throws: `DecodingError` for an unknown type or missing fields.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.decode(String.self, forKey: .type)
        switch Kind(rawValue: type) {
        case nil:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: container, debugDescription: "unknown type \"\(type)\"")
        case .hello: self = .hello(try HostHello(from: decoder))
        case .check: self = .check(try StageRequest(from: decoder))
        case .plan: self = .plan(try StageRequest(from: decoder))
        case .run: self = .run(try StageRequest(from: decoder))
        case .cancel: self = .cancel(id: try container.decode(Int.self, forKey: .id))
        case .answer:
            self = .answer(
                ServiceAnswer(
                    request: try container.decode(Int.self, forKey: .request),
                    value: try container.decodeIfPresent(JSONValue.self, forKey: .value),
                    error: try container.decodeIfPresent(FailureMessage.self, forKey: .error)))
        case .shutdown: self = .shutdown
        }
    }

    /// Encodes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't represent.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        func put(_ kind: Kind, _ body: some Encodable) throws {
            try container.encode(kind.rawValue, forKey: .type)
            try body.encode(to: encoder)
        }
        switch self {
        case .hello(let hello): try put(.hello, hello)
        case .check(let request): try put(.check, request)
        case .plan(let request): try put(.plan, request)
        case .run(let request): try put(.run, request)
        case .answer(let answer):
            try container.encode(Kind.answer.rawValue, forKey: .type)
            try container.encode(answer.request, forKey: .request)
            try container.encodeIfPresent(answer.value, forKey: .value)
            try container.encodeIfPresent(answer.error, forKey: .error)
        case .cancel(let id):
            try container.encode(Kind.cancel.rawValue, forKey: .type)
            try container.encode(id, forKey: .id)
        case .shutdown: try container.encode(Kind.shutdown.rawValue, forKey: .type)
        }
    }
}
