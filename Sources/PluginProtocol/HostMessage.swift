import Foundation
import Logging
public import PipelineKit

/// The protocol between a host and a child process that runs stages: one JSON object per line.
///
/// `docs/plugin-protocol.md` describes it for authors in other languages.
public enum StageProtocol {
    /// The protocol version that this library supports.
    public static let version = 1
    /// The longest line that either side accepts, in bytes.
    package static let longestLine = 16 << 20
}

/// A message from a host to a child process.
public enum HostMessage: Sendable, Hashable {
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
}

/// The host's greeting, which opens the session.
public struct HostHello: Sendable, Hashable, Codable {
    /// The protocol versions that the host supports.
    public var protocols: [Int]
    /// The host's name, for logs.
    public var host: String
    /// The host's version, for logs.
    public var version: String
    /// What the host offers, such as the names of ``HostService`` that it answers. Ignore unknown ones.
    public var features: [String]
    /// The memory that the child may use, in bytes; nil for no limit.
    public var memory: Int64?
    /// The sandbox policy that the child must apply to itself before anything else; nil for none. Children built with
    /// this library do so where the kernel supports it.
    public var reach: SandboxPolicy?

    public init(
        protocols: [Int] = [StageProtocol.version], host: String, version: String = "", features: [String] = [],
        memory: Int64? = nil, reach: SandboxPolicy? = nil
    ) {
        self.protocols = protocols
        self.host = host
        self.version = version
        self.features = features
        self.memory = memory
        self.reach = reach
    }
}

/// A sandbox policy: what a child process may access while it works.
public struct SandboxPolicy: Sendable, Hashable, Codable {
    /// Files and folders that it may read; nil for all.
    public var reads: [String]?
    /// Files and folders that it may write.
    public var writes: [String]
    /// Whether it may use the network and start programs.
    public var network: Bool

    public init(reads: [String]?, writes: [String], network: Bool = false) {
        self.reads = reads
        self.writes = writes
        self.network = network
    }
}

/// A request for one stage and one asset.
public struct StageRequest: Sendable, Hashable, Codable {
    /// Identifies the request in all messages about it; unique within the session.
    public var id: Int
    /// The stage's name, as in `uses` of the pipeline file.
    public var stage: String
    /// The stage's options as written in the pipeline file.
    public var options: [String: JSONValue]
    /// The input artifact; nil for `check`.
    public var input: JSONValue?
    /// The parts of the stage's context that the host sends along.
    public var context: RequestContext

    public init(id: Int, stage: String, options: [String: JSONValue], input: JSONValue?, context: RequestContext) {
        self.id = id
        self.stage = stage
        self.options = options
        self.input = input
        self.context = context
    }
}

/// The serialisable parts of ``CheckContext``, ``PlanContext`` and ``StageContext``.
public struct RequestContext: Sendable, Hashable, Codable {
    /// The values of the post's settings, by name.
    public var post: [String: JSONValue]
    /// The host's non-secret settings by environment variable name.
    public var settings: [String: String]
    /// The lowest level of log lines that the host wants.
    public var logLevel: String
    /// The folder for relative paths that the user wrote, such as those in options.
    public var currentDirectory = FileManager.default.currentDirectoryPath
    /// The account's name; nil for `plan`.
    public var account: String?
    /// The run's id. This and the following fields up to ``time`` are set only for `run`.
    public var run: String?
    /// The stage's id in the pipeline file.
    public var stageID: String?
    /// The asset's name as the user wrote it, for messages.
    public var asset: String?
    /// The number of the attempt: 1 for the first.
    public var attempt: Int?
    /// The asset's work folder; see ``StageContext/workDirectory``.
    public var workDirectory: String?
    /// The run's work folder; see ``StageContext/runDirectory``.
    public var runDirectory: String?
    /// Identifies the asset's post in the ledger.
    public var postKey: JSONValue?
    /// The host's time in seconds since 1970, which may differ from the system clock.
    public var time: Double?
    /// The problem with the account's credentials; set only for `check`.
    public var accountProblem: Diagnostic?
    /// What the stage's plan gave for the same input; `run` only, for children of this program.
    public var planned: JSONValue?

    /// Creates the context of a `plan` request.
    public init(_ context: PlanContext) {
        post = context.post.values
        settings = context.settings
        logLevel = context.logger.logLevel.rawValue
    }

    /// Creates the context of a `check` request.
    public init(_ context: CheckContext) {
        post = context.post.values
        settings = context.settings
        logLevel = "error"
        account = context.account
    }

    /// Creates the context of a `run` request.
    public init(_ context: StageContext) {
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

/// The host's answer to a service call.
public struct ServiceAnswer: Sendable, Hashable {
    /// The number of the call; see ``ServiceMessage/request``.
    public var request: Int
    /// The result of the call; nil if there is none, such as after a write.
    public var value: JSONValue?
    /// The error if the call failed, otherwise nil.
    public var error: FailureMessage?

    public init(request: Int, value: JSONValue? = nil, error: FailureMessage? = nil) {
        self.request = request
        self.value = value
        self.error = error
    }
}

extension HostMessage: Codable {
    private enum Kind: String { case hello, check, plan, run, cancel, answer, shutdown }
    private enum CodingKeys: String, CodingKey { case type, id, request, value, error }

    /// Decodes a message according to its `type`.
    /// - Throws: `DecodingError` for an unknown type or missing fields.
    public init(from decoder: any Decoder) throws {
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
    public func encode(to encoder: any Encoder) throws {
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
