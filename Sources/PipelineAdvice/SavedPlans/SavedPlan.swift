package import Foundation
package import PipelineKit

/// The file format of `plan --save`: all that decides what a run does, so that `run --plan` can detect changes.
///
/// It contains neither values of secret options nor anything derived from them.
package struct SavedPlan: Sendable, Hashable, Codable {
    /// Marks a JSON file as a saved plan.
    static let kind = "spreader-pipeline plan"
    /// The only format version that this program reads and writes.
    static let currentVersion = 2

    var kind = SavedPlan.kind
    /// The format version of the file.
    var version = SavedPlan.currentVersion
    package var savedAt: Date
    /// The version of the program that saved the plan.
    package var program: String
    /// The base of relative paths.
    package var directory: String
    package var command: Command
    package var account: Account
    /// The pipeline after substitution and overrides.
    package var pipeline: Content
    /// The footage with its plans.
    package var assets: [Asset]

    /// The arguments of `plan` that decide what a run does.
    package struct Command: Sendable, Hashable, Codable {
        /// The path of the pipeline file as the user gave it.
        package var pipeline: String
        /// Footage that replaces the inputs of the pipeline file.
        package var inputs: [String]
        /// The values of `--set`.
        package var set: [String]
        /// The values of `--post`.
        package var post: [String]
        /// The value of `--until`.
        package var until: String?
        /// Whether the run uses the sandbox.
        package var sandbox: Bool

        package init(
            pipeline: String, inputs: [String], set: [String], post: [String], until: String?, sandbox: Bool
        ) {
            self.pipeline = pipeline
            self.inputs = inputs
            self.set = set
            self.post = post
            self.until = until
            self.sandbox = sandbox
        }
    }

    /// The account that posts are made for.
    package struct Account: Sendable, Hashable, Codable {
        package var name: String
        /// The account's identity in the ledger; nil for the sandbox, whose account the run creates.
        package var identity: String?
        /// A fingerprint of the TikTok user; nil if unknown.
        package var user: String?
        /// The API dialect from `TIKTOK_API`; nil for the default.
        package var dialect: String?

        package init(name: String, identity: String?, user: String?, dialect: String?) {
            self.name = name
            self.identity = identity
            self.user = user
            self.dialect = dialect
        }
    }

    /// A pipeline after substitution and overrides.
    package struct Content: Sendable, Hashable, Codable {
        package var name: String
        package var post: [String: JSONValue]
        /// The stages up to the last one to run.
        package var stages: [Stage]
        /// The SHA-256 digest of name, post and stages.
        package var digest: String
        /// The environment variables behind values, such as those of `post.title` or `transcode.crf`.
        package var variables: [String: [String]]
    }

    /// A stage with its options.
    package struct Stage: Sendable, Hashable, Codable {
        /// The id, unique in the pipeline.
        package var id: String
        /// The name of the stage type.
        package var uses: String
        /// The version of the stage type.
        package var version: Int
        /// The plugin that provides the stage; nil for built-in stages.
        package var origin: String?
        /// A fingerprint of the plugin's files, which changes even if its version does not; nil for built-in stages.
        package var mark: String?
        /// All options with their values, except secret ones.
        package var options: [String: JSONValue]
        /// The names of secret options that have a value.
        package var secrets: [String]
        /// The total number of attempts.
        package var attempts: Int
        /// The longest delay before the second attempt, and before any attempt, in seconds.
        package var delay: Double
        package var maximumDelay: Double
        /// The time limit of one attempt in seconds; nil for no limit.
        package var timeout: Double?
    }

    /// A footage file with its plan.
    package struct Asset: Sendable, Hashable, Codable {
        /// The path as the user gave it.
        package var name: String
        package var path: String
        package var bytes: Int64
        /// The modification time; informative only.
        package var modified: Date?
        /// The digest of the content.
        package var sha256: String
        /// The digests of its sidecars, by file name.
        package var sidecars: [String: String]
        /// The digests of other files that stages read for it, by path; empty for a missing file.
        package var files: [String: String]
        /// The titles of its posts, one for each part; empty if the pipeline does not post.
        package var titles: [String]
        /// The plans of the stages.
        package var stages: [Step]
        /// The reason why a stage would refuse it; nil otherwise.
        package var refused: String?
    }

    /// The plan of one stage for one asset or part.
    package struct Step: Sendable, Hashable, Codable {
        /// The part, such as `talk.mov#2`; nil for the whole footage.
        package var part: String?
        /// The id of the stage.
        package var stage: String
        /// A summary in one line.
        package var action: String
        package var reasons: [String]
        /// Machine-readable facts, such as the strategy and estimates.
        package var details: [String: JSONValue]
    }
}

extension SavedPlan {
    /// Whether a file is marked as a saved plan, of any version, even if it is otherwise damaged.
    private static func isPlan(_ file: String) -> Bool {
        struct Mark: Decodable {
            var kind: String
        }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else { return false }
        return (try? JSONDecoder().decode(Mark.self, from: data))?.kind == kind
    }

    /// The path of the invalid value, such as `assets.0.path`. Messages must not contain the value itself.
    private static func place(_ error: any Error) -> String {
        let path: [any CodingKey] =
            switch error as? DecodingError {
            case .keyNotFound(let key, let context): context.codingPath + [key]
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            default: []
            }
        return path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }

    /// Writes the plan with mode 0600. Replaces an earlier plan, but no other file.
    /// - Throws: `StageError` with code `configuration` if the file can't be written or is not a saved plan.
    package func write(to file: String) throws(StageError) {
        let url = URL(filePath: file)
        if FileManager.default.fileExists(atPath: url.path), !Self.isPlan(file) {
            throw StageError(
                .configuration, "\(file) already exists and is not a saved plan", hint: "name another file for --save")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        let part = url.deletingLastPathComponent().appending(path: ".\(UUID().uuidString).part").path
        defer { try? FileManager.default.removeItem(atPath: part) }
        guard let data = try? encoder.encode(self),
            FileManager.default.createFile(
                atPath: part, contents: data + Data("\n".utf8), attributes: [.posixPermissions: 0o600]),
            rename(part, url.path) == 0
        else { throw StageError(.configuration, "can't write \(file)", hint: "name a file in an existing folder") }
    }

    /// Reads a saved plan.
    /// - Throws: `StageError` with code `unreadable-plan`.
    package static func read(_ file: String) throws(StageError) -> SavedPlan {
        struct Head: Decodable {
            var kind: String
            var version: Int
        }
        func problem(_ message: String) -> StageError {
            StageError(
                "unreadable-plan", message, hint: "make one with: spreader-pipeline plan PIPELINE --save FILE",
                outcome: .invalidData)
        }
        guard FileManager.default.fileExists(atPath: file) else { throw problem("the plan \(file) does not exist") }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else {
            throw problem("the plan \(file) can't be read")
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let head = try? decoder.decode(Head.self, from: data), head.kind == kind else {
            throw problem("\(file) is not a saved plan")
        }
        guard head.version == currentVersion else {
            throw problem(
                "\(file) is a saved plan of version \(head.version); this program reads version \(currentVersion)")
        }
        do {
            return try decoder.decode(SavedPlan.self, from: data)
        } catch {
            let place = place(error)
            throw problem(place.isEmpty ? "\(file) is damaged" : "\(file) is damaged: \(place) is missing or invalid")
        }
    }
}
