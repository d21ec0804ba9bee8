import Foundation
package import PipelineFile
import PipelineKit
import Store

/// Which pipeline to run over which footage, as a command line, a job, a schedule or a page names it.
package struct PipelineSelection: Sendable, Hashable {
    /// The pipeline file as the user named it.
    package let file: String
    /// Footage that replaces the file's `inputs`; empty to use those.
    package let inputs: [String]
    /// The values of `--set`, as written.
    package let set: [String]
    /// The values of `--post`, as written.
    package let post: [String]
    /// The stage to stop after; nil for all stages.
    package var until: String?
    /// Whether posts go to the local sandbox.
    package var sandbox = false
    /// Whether every stage runs in a child process.
    package var isolate = false
    /// `set` and `post`, parsed.
    package let overrides: [PipelineOverride]

    /// A value of `--set` or `--post` that can't be parsed.
    package struct InvalidOverride: Error {
        package let message: String
    }

    /// Parses the overrides.
    /// - Throws: ``InvalidOverride`` if one does not have the form `stage.option=value` or `key=value`.
    package init(
        file: String, inputs: [String] = [], set: [String] = [], post: [String] = []
    ) throws(InvalidOverride) {
        self.file = file
        self.inputs = inputs
        self.set = set
        self.post = post
        var overrides: [PipelineOverride] = []
        for text in set {
            guard let override = PipelineOverride(set: text) else {
                throw InvalidOverride(message: "--set takes stage.option=value, not \"\(text)\"")
            }
            overrides.append(override)
        }
        for text in post {
            guard let override = PipelineOverride(post: text) else {
                throw InvalidOverride(message: "--post takes key=value, not \"\(text)\"")
            }
            overrides.append(override)
        }
        self.overrides = overrides
    }

    /// `--set` and `--post` as words of a command line, for a job's run.
    package var words: [String] { self.set.flatMap { ["--set", $0] } + post.flatMap { ["--post", $0] } }

    /// Identifies later runs of the same command, which resume an unfinished run.
    /// - Parameters:
    ///   - identity: The identity of the account in the ledger.
    ///   - reposts: Whether the run posts footage again that is already posted.
    package func fingerprint(_ identity: String, reposts: Bool = false) -> String {
        let path = URL(filePath: file).standardizedFileURL.path
        let words = [FileManager.default.currentDirectoryPath, path, identity, until ?? ""]
        return ContentDigest.sha256((words + (reposts ? ["repost"] : []) + inputs).joined(separator: "\n"))
    }
}
