package import Foundation
package import PipelineKit

/// The state of a run.
package enum RunStatus: String, Sendable, Codable {
    /// In progress, or its process was killed.
    case running
    /// All assets finished or were already posted.
    case succeeded
    /// At least one asset failed.
    case failed
    /// Stopped by the user; can be resumed.
    case interrupted
    /// Abandoned by the user; never resumed.
    case cancelled
}

/// One execution of a pipeline over its assets.
package struct RunRecord: Sendable, Hashable {
    /// Short, and sorts by time.
    package var id: String
    /// The digest that identifies the command: a later command with the same fingerprint resumes the run.
    package var fingerprint: String
    package var pipeline: String
    /// The absolute path of the pipeline file.
    package var path: String
    /// The arguments that resume the run.
    package var command: [String]
    /// The folder of its work files.
    package var workDirectory: String
    package var status = RunStatus.running
    /// The program's exit status; nil until the run ends.
    package var exitStatus: Int?
    package var startedAt: Date
    /// When the run ended; nil until then.
    package var finishedAt: Date?

    /// A run that begins.
    package init(
        id: String, fingerprint: String, pipeline: String, path: String, command: [String], workDirectory: String,
        startedAt: Date
    ) {
        self.id = id
        self.fingerprint = fingerprint
        self.pipeline = pipeline
        self.path = path
        self.command = command
        self.workDirectory = workDirectory
        self.startedAt = startedAt
    }
}

/// The state of one asset of a run.
package struct AssetRecord: Sendable, Hashable {
    package enum Status: String, Sendable, Codable {
        /// In progress, or its process was killed.
        case running
        /// Passed the last stage.
        case finished
        /// Posted by an earlier run; nothing was sent.
        case alreadyPosted = "already-posted"
        case failed
    }

    /// The asset, as the user named it.
    package var asset: String
    /// SHA-256 of the footage.
    package var digest: String
    package var status: Status
    /// The error message of a failed asset.
    package var message: String?

    package init(asset: String, digest: String, status: Status, message: String? = nil) {
        self.asset = asset
        self.digest = digest
        self.status = status
        self.message = message
    }
}

/// A stage that finished for an asset, and its output.
package struct StageRecord: Sendable, Hashable {
    /// The asset, as the user named it.
    package var asset: String
    /// The id of the stage in the pipeline.
    package var stage: String
    /// The digest of everything that determines the output: stage, version, options, input.
    package var reuseKey: String
    /// The stage's output, as JSON.
    package var artifact: JSONValue
    /// How long the stage took, in seconds.
    package var seconds: Double

    package init(asset: String, stage: String, reuseKey: String, artifact: JSONValue, seconds: Double) {
        self.asset = asset
        self.stage = stage
        self.reuseKey = reuseKey
        self.artifact = artifact
        self.seconds = seconds
    }
}

/// The durable record of runs, which lets a run resume after a crash.
///
/// All methods throw `StageError` when the journal can't be read or written.
package protocol RunJournal: Sendable {
    /// The latest run with this fingerprint if it neither succeeded nor was cancelled; nil otherwise.
    func unfinishedRun(fingerprint: String) async throws(StageError) -> RunRecord?
    /// Inserts a new run, or marks an existing one as running again.
    func begin(_ run: RunRecord) async throws(StageError)
    /// Records the end of a run.
    func finish(_ id: String, status: RunStatus, exitStatus: Int, at date: Date) async throws(StageError)
    /// Records the state of an asset.
    func record(_ asset: AssetRecord, run: String) async throws(StageError)
    /// Records that a stage finished; the record is on disk when the call returns.
    func record(_ stage: StageRecord, run: String) async throws(StageError)
    /// The finished stages of an asset, oldest first.
    func stages(run: String, asset: String) async throws(StageError) -> [StageRecord]
    /// The checkpoints of a stage for an asset.
    func checkpoints(run: String, asset: String, stage: String) -> any Checkpoints
    /// The latest runs, newest first.
    func runs(limit: Int) async throws(StageError) -> [RunRecord]
    /// The run whose id starts with `prefix`; nil when there is none or several.
    func run(idPrefix prefix: String) async throws(StageError) -> RunRecord?
    /// The assets of a run, sorted by name.
    func assets(run: String) async throws(StageError) -> [AssetRecord]
}
