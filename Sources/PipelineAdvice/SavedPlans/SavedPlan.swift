package import Foundation
package import PipelineKit
import Store

/// A plan as `plan --save` keeps it: all that decides what a run does, so that `run --plan` can tell what changed since.
///
/// Values of secret options are never in it, nor is anything made from them.
package struct SavedPlan: Sendable, Hashable, Codable {
    /// What the file says it is.
    static let kind = "spreader-pipeline plan"
    /// The form that this program writes and reads.
    static let currentVersion = 2

    /// Always ``kind``.
    var kind = SavedPlan.kind
    /// The form of the file.
    var version = SavedPlan.currentVersion
    /// When it was saved.
    package var savedAt: Date
    /// The program's version.
    package var program: String
    /// The folder that relative paths are relative to.
    package var directory: String
    /// What the command line said.
    package var command: Command
    /// Whom it posts for.
    package var account: Account
    /// What the pipeline says, everything filled in.
    package var pipeline: Content
    /// The footage, with what would be done to each piece.
    package var assets: [Asset]

    /// The words of a command line that decide what is done.
    package struct Command: Sendable, Hashable, Codable {
        /// The pipeline file, as it was named.
        package var pipeline: String
        /// Footage that was named instead of the file's.
        package var inputs: [String]
        /// What `--set` gave.
        package var set: [String]
        /// What `--post` gave.
        package var post: [String]
        /// What `--until` gave.
        package var until: String?
        /// Whether it is for the sandbox.
        package var sandbox: Bool

        /// A command; see the properties.
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

    /// An account, and how it is reached.
    package struct Account: Sendable, Hashable, Codable {
        /// Its name.
        package var name: String
        /// The ledger's name for it; nil for the sandbox, whose account is made by the run.
        package var identity: String?
        /// A mark of the person that it belongs to; nil when that is not known.
        package var user: String?
        /// The dialect of the service that is spoken; nil for the usual one.
        package var dialect: String?

        /// An account; see the properties.
        package init(name: String, identity: String?, user: String?, dialect: String?) {
            self.name = name
            self.identity = identity
            self.user = user
            self.dialect = dialect
        }
    }

    /// A pipeline with its overrides and the environment's values.
    package struct Content: Sendable, Hashable, Codable {
        /// Its name.
        package var name: String
        /// The post's settings.
        package var post: [String: JSONValue]
        /// The stages, up to the last one that is run.
        package var stages: [Stage]
        /// Digest of name, post and stages.
        package var digest: String
        /// Which values come from the environment: `post.title` or `transcode.crf` to the names of the variables.
        package var variables: [String: [String]]
    }

    /// A stage with its options.
    package struct Stage: Sendable, Hashable, Codable {
        /// Its name in the pipeline.
        package var id: String
        /// The kind of stage.
        package var uses: String
        /// The kind's version.
        package var version: Int
        /// The plugin that it comes from; nil for those of the program.
        package var origin: String?
        /// What changes with the plugin's files, whatever its version says; nil for stages of the program.
        package var mark: String?
        /// Every option with its value, secret ones left out.
        package var options: [String: JSONValue]
        /// Secret options that have a value.
        package var secrets: [String]
        /// Attempts in all.
        package var attempts: Int
        /// The longest wait before the second attempt, and before any, in seconds.
        package var delay: Double
        package var maximumDelay: Double
        /// The longest time of an attempt, in seconds.
        package var timeout: Double?
    }

    /// A piece of footage.
    package struct Asset: Sendable, Hashable, Codable {
        /// As the user named it.
        package var name: String
        /// Absolute path.
        package var path: String
        /// Size.
        package var bytes: Int64
        /// When it was changed last.
        package var modified: Date?
        /// Digest of its content.
        package var sha256: String
        /// What stands beside it, by file name, with digests.
        package var sidecars: [String: String]
        /// Other files that stages read for it, by path, with digests; an empty one where there is no file.
        package var files: [String: String]
        /// The titles of its posts, one for each part; none when nothing is posted.
        package var titles: [String]
        /// What each stage would do.
        package var stages: [Step]
        /// Why it would be refused, if it would be.
        package var refused: String?
    }

    /// What one stage would do with one piece of footage.
    package struct Step: Sendable, Hashable, Codable {
        /// The part that it is for, such as `talk.mov#2`; nil for the whole.
        package var part: String?
        /// The stage.
        package var stage: String
        /// In one line.
        package var action: String
        /// Why.
        package var reasons: [String]
        /// The facts: the strategy, estimates.
        package var details: [String: JSONValue]
    }
}

extension SavedPlan {
    /// Whether a file says that it is a plan, of this form or another, whole or damaged.
    private static func isPlan(_ file: String) -> Bool {
        struct Mark: Decodable {
            var kind: String
        }
        guard let data = try? Data(contentsOf: URL(filePath: file)) else { return false }
        return (try? JSONDecoder().decode(Mark.self, from: data))?.kind == kind
    }

    /// What in a file is not as it must be, such as `assets.0.path`: the values themselves are nobody's business.
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

    /// Writes it for its owner alone. An earlier plan is replaced, and nothing else is.
    /// - Throws: `StageError` with code `configuration` when the file can't be written or is no plan.
    package func write(to file: String) throws(StageError) {
        let url = URL(filePath: file)
        if FileManager.default.fileExists(atPath: url.path), !Self.isPlan(file) {
            throw StageError(
                .configuration, "\(file) is there and is no saved plan", hint: "name another file for --save")
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
        else { throw StageError(.configuration, "can't write \(file)", hint: "name a file in a folder that is there") }
    }

    /// Reads one.
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
            throw problem("\(file) is no saved plan")
        }
        guard head.version == currentVersion else {
            throw problem("\(file) has form \(head.version) of saved plans; this program reads \(currentVersion)")
        }
        do {
            return try decoder.decode(SavedPlan.self, from: data)
        } catch {
            let place = place(error)
            throw problem(place.isEmpty ? "\(file) is damaged" : "\(file) is damaged: \(place) is missing or wrong")
        }
    }
}
