import Foundation
import Logging
public import PipelineKit

/// The protocol between a host and a child process that works for stages: one JSON object a line.
///
/// `docs/plugin-protocol.md` describes it for authors in other languages.
public enum StageProtocol {
    /// The version that this kit speaks.
    public static let version = 1
    /// The longest line that either side takes, in bytes.
    package static let longestLine = 16 << 20
}

/// What a host says to a child.
public enum HostMessage: Sendable, Hashable {
    /// The first line: versions and limits.
    case hello(HostHello)
    /// Find what is wrong before work starts.
    case check(StageRequest)
    /// Say what `run` would do.
    case plan(StageRequest)
    /// Do the work.
    case run(StageRequest)
    /// Stop the request with this id; it still gets an answer.
    case cancel(id: Int)
    /// The answer to a question of the child's.
    case answer(ServiceAnswer)
    /// There is nothing more to do: end.
    case shutdown
}

extension HostMessage {
    /// The request that the message makes; nil for those that make none.
    package var requestID: Int? {
        switch self {
        case .check(let request), .plan(let request), .run(let request): request.id
        case .hello, .cancel, .answer, .shutdown: nil
        }
    }
}

/// How a host opens the conversation.
public struct HostHello: Sendable, Hashable, Codable {
    /// The versions of the protocol that it speaks.
    public var protocols: [Int]
    /// The host's name, for logs.
    public var host: String
    /// The host's version, for logs.
    public var version: String
    /// What it offers beyond answers to requests: names of ``HostService``. Unknown ones are to be ignored.
    public var features: [String]
    /// Bytes of memory that the child may use; nil for no limit.
    public var memory: Int64?
    /// What the child is to confine itself to before it does anything else; nil for nothing. Children made with this kit
    /// do so where the kernel allows it.
    public var reach: Reach?

    /// A greeting.
    public init(
        protocols: [Int] = [StageProtocol.version], host: String, version: String = "", features: [String] = [],
        memory: Int64? = nil, reach: Reach? = nil
    ) {
        self.protocols = protocols
        self.host = host
        self.version = version
        self.features = features
        self.memory = memory
        self.reach = reach
    }
}

/// What a child may still reach while it works.
public struct Reach: Sendable, Hashable, Codable {
    /// Files and folders that it may read; nil for all.
    public var reads: [String]?
    /// Files and folders that it may write.
    public var writes: [String]
    /// Whether it may use the network and start programs.
    public var network: Bool

    /// A reach; see the properties.
    public init(reads: [String]?, writes: [String], network: Bool = false) {
        self.reads = reads
        self.writes = writes
        self.network = network
    }
}

/// Work for one stage and one asset.
public struct StageRequest: Sendable, Hashable, Codable {
    /// Names the request in everything that concerns it; unique in the conversation.
    public var id: Int
    /// The stage's name, as the pipeline's `uses` has it.
    public var stage: String
    /// The stage's options as written in the pipeline.
    public var options: [String: JSONValue]
    /// What the stage takes; nil for `check`.
    public var input: JSONValue?
    /// What the stage may know of its host.
    public var context: RequestContext

    /// A request; see the properties.
    public init(id: Int, stage: String, options: [String: JSONValue], input: JSONValue?, context: RequestContext) {
        self.id = id
        self.stage = stage
        self.options = options
        self.input = input
        self.context = context
    }
}

/// What crosses the line of the contexts that stages get; `run` alone needs all of it.
public struct RequestContext: Sendable, Hashable, Codable {
    /// The post's settings.
    public var post: [String: JSONValue]
    /// Settings of the host that are no secrets.
    public var settings: [String: String]
    /// The least level of log lines that the host wants.
    public var logLevel: String
    /// What paths that a user wrote, such as those in options, are relative to.
    public var currentDirectory = FileManager.default.currentDirectoryPath
    /// The account's name; nil for `plan`.
    public var account: String?
    /// The run's id; `run` only, as all that follow.
    public var run: String?
    /// The stage's id in the pipeline.
    public var stageID: String?
    /// The asset as the user named it.
    public var asset: String?
    /// 1 for the first attempt.
    public var attempt: Int?
    /// The asset's work folder.
    public var workDirectory: String?
    /// The run's work folder.
    public var runDirectory: String?
    /// Identity of the post.
    public var postKey: JSONValue?
    /// The host's time in seconds since 1970, which may differ from the machine's.
    public var time: Double?
    /// What stands in the way of using the account; for `check`.
    public var accountProblem: Diagnostic?

    /// For planning.
    public init(_ context: PlanContext) {
        post = context.post.values
        settings = context.settings
        logLevel = context.logger.logLevel.rawValue
    }

    /// For checking.
    public init(_ context: CheckContext) {
        post = context.post.values
        settings = context.settings
        logLevel = "error"
        account = context.account
    }

    /// For running.
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

/// The host's answer to a question of the child's.
public struct ServiceAnswer: Sendable, Hashable {
    /// The question that it answers.
    public var request: Int
    /// What was asked for; nil when there is none, and after writing.
    public var value: JSONValue?
    /// Why it failed.
    public var error: FailureMessage?

    /// An answer.
    public init(request: Int, value: JSONValue? = nil, error: FailureMessage? = nil) {
        self.request = request
        self.value = value
        self.error = error
    }
}

extension HostMessage: Codable {
    private enum Kind: String { case hello, check, plan, run, cancel, answer, shutdown }
    private enum CodingKeys: String, CodingKey { case type, id, request, value, error }

    /// Reads a message by its `type`.
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

    /// Writes the message with its `type`.
    /// - Throws: `EncodingError` for numbers that JSON can't hold.
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
