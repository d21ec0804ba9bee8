package import Foundation
package import PipelineKit

/// Where a run stands.
package enum RunStatus: String, Sendable, Codable {
    /// Under way, or its process was killed.
    case running
    /// All assets are done.
    case succeeded
    /// At least one asset failed.
    case failed
    /// Stopped on request; can be resumed.
    case interrupted
    /// Given up by its user: will not be resumed.
    case cancelled
}

/// One pass of one pipeline over its assets.
package struct RunRecord: Sendable, Hashable {
    /// Short, sortable by time.
    package var id: String
    /// What makes a later command the same command.
    package var fingerprint: String
    /// The pipeline's name.
    package var pipeline: String
    /// Absolute path of the pipeline file.
    package var path: String
    /// The arguments that resume it.
    package var command: [String]
    /// Folder of its work files.
    package var workDirectory: String
    /// Where it stands.
    package var status: RunStatus
    /// The program's exit status once it ended.
    package var exitStatus: Int?
    /// When it began.
    package var startedAt: Date
    /// When it ended.
    package var finishedAt: Date?

    /// A record; see the properties.
    package init(
        id: String, fingerprint: String, pipeline: String, path: String, command: [String], workDirectory: String,
        status: RunStatus, exitStatus: Int? = nil, startedAt: Date, finishedAt: Date? = nil
    ) {
        self.id = id
        self.fingerprint = fingerprint
        self.pipeline = pipeline
        self.path = path
        self.command = command
        self.workDirectory = workDirectory
        self.status = status
        self.exitStatus = exitStatus
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}

/// One asset of a run.
package struct AssetRecord: Sendable, Hashable {
    /// How it stands.
    package enum Status: String, Sendable, Codable {
        /// Not ended.
        case running
        /// Went through all stages.
        case finished
        /// Was posted before: nothing was sent.
        case alreadyPosted = "already-posted"
        /// Failed for good.
        case failed
    }

    /// The asset as the user named it.
    package var asset: String
    /// SHA-256 of the footage.
    package var digest: String
    /// How it stands.
    package var status: Status
    /// Why, when it failed.
    package var message: String?

    /// A record.
    package init(asset: String, digest: String, status: Status, message: String? = nil) {
        self.asset = asset
        self.digest = digest
        self.status = status
        self.message = message
    }
}

/// A stage that finished for an asset.
package struct StageRecord: Sendable, Hashable {
    /// The asset as the user named it.
    package var asset: String
    /// The stage's id in the pipeline.
    package var stage: String
    /// Digest of all that decides the output: stage, version, options, input.
    package var reuseKey: String
    /// What it gave.
    package var artifact: JSONValue
    /// How long it took.
    package var seconds: Double

    /// A record.
    package init(asset: String, stage: String, reuseKey: String, artifact: JSONValue, seconds: Double) {
        self.asset = asset
        self.stage = stage
        self.reuseKey = reuseKey
        self.artifact = artifact
        self.seconds = seconds
    }
}

/// The durable record of runs: what is done stays done, whatever happens to the process.
package protocol RunJournal: Sendable {
    /// The latest run with `fingerprint` that did not succeed and was not given up.
    func unfinishedRun(fingerprint: String) async throws(StageError) -> RunRecord?
    /// Writes a new run, or an existing one that goes on.
    func begin(_ run: RunRecord) async throws(StageError)
    /// Closes a run.
    func finish(_ id: String, status: RunStatus, exitStatus: Int, at date: Date) async throws(StageError)
    /// Writes how an asset stands.
    func record(_ asset: AssetRecord, run: String) async throws(StageError)
    /// Writes that a stage finished; it is on disk when the call returns.
    func record(_ stage: StageRecord, run: String) async throws(StageError)
    /// What finished for an asset.
    func stages(run: String, asset: String) async throws(StageError) -> [StageRecord]
    /// Durable notes of one stage for one asset.
    func checkpoints(run: String, asset: String, stage: String) -> any Checkpoints
    /// The newest runs first.
    func runs(limit: Int) async throws(StageError) -> [RunRecord]
    /// The run whose id begins with `prefix`, when there is exactly one.
    func run(idPrefix prefix: String) async throws(StageError) -> RunRecord?
    /// The assets of a run, by name.
    func assets(run: String) async throws(StageError) -> [AssetRecord]
}
