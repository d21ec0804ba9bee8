import ArgumentParser
import Foundation
import Jobs
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import Store

struct Enqueue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Queue footage for `worker`, one job per asset.",
        discussion: """
            The pipeline is checked now, and again when the job runs. Relative paths in it are resolved against the \
            current folder.

            Examples:
              spreader-pipeline enqueue pipelines/tiktok.json footage/*.mp4
              spreader-pipeline enqueue pipelines/tiktok.json clip.mp4 --at +2h
              spreader-pipeline enqueue pipelines/tiktok.json clip.mp4 --unique launch
            """)

    @OptionGroup var target: PipelineFileArguments
    @OptionGroup var overrides: OverrideOptions
    @Option(help: ArgumentHelp("Earliest start, such as 2026-12-24T18:00:00+01:00 or +2h.", valueName: "time"))
    var at: String?
    @Option(help: "Priority from 0 to 9; smaller numbers run first.") var priority = 0
    @Option(
        help: ArgumentHelp(
            "Allow one unfinished job per key; several assets get KEY:ASSET.",
            valueName: "key"))
    var unique: String?
    @Option(help: "Queue to put the jobs in.") var queue = "default"
    @Option(help: ArgumentHelp("Labels that a worker must offer, separated by commas.", valueName: "labels"))
    var labels: String?
    @Option(help: "Maximum number of attempts.") var attempts = NewJob.defaultAttempts
    @OptionGroup var database: DatabaseOption
    @OptionGroup var output: FormatOption

    func validate() throws {
        guard (0...9).contains(priority) else { throw ValidationError("--priority takes 0 to 9") }
        guard (1...1000).contains(attempts) else { throw ValidationError("--attempts takes 1 to 1000") }
        do throws(StageError) {
            _ = try moment(now: .now)
        } catch {
            throw ValidationError(error.message)
        }
        _ = try target.selection(overrides)
    }

    func run() async throws {
        let settings = try await Settings.load()
        let selection = try target.selection(overrides)
        let prepared = try await Workspace.with(settings, for: selection, database: database.db) {
            await PreparedRun.load(selection, in: $0)
        }
        if let error = prepared.secretRefusal(keeper: "job") { throw error }
        for finding in prepared.findings { Output.message(finding.text) }
        // The user may log in before the jobs run.
        let blocking = prepared.blocking.filter { $0.subject != .authorisation }
        guard let pipeline = prepared.pipeline, blocking.isEmpty, prepared.refusedFootage.isEmpty else {
            throw ExitCode(Int32(prepared.refusal))
        }
        let submitter = try await JobSubmitter.open(settings, database.db)
        // The database's clock decides when a job is due.
        let start = try moment(now: await submitter.queue.now())
        var jobs: [NewJob] = []
        for asset in prepared.assets {
            var job = try await submitter.job(of: asset, pipeline, at: selection.file, options: selection.words)
            (job.queue, job.priority, job.maxAttempts, job.scheduledAt) = (queue, priority, attempts, start)
            job.uniqueKey = unique.map { prepared.assets.count == 1 ? $0 : "\($0):\(asset.name)" }
            job.labels = labels?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
            jobs.append(job)
        }
        let made = try await submitter.queue.insert(jobs)
        switch output.format {
        case .json: Output.result(try JSONValue.array(made.map { Jobs.json($0.job) }).text(pretty: true))
        case .text:
            Output.result(
                Output.table(
                    made.map {
                        ["job \($0.job.id)", $0.isNew ? $0.job.state.rawValue : "already there", $0.job.work.asset]
                    }))
        }
    }

    private func moment(now: Date) throws(StageError) -> Date? {
        guard let at else { return nil }
        do {
            return try PostTime.parse(.string(at)).date(from: now)
        } catch {
            throw StageError(
                .invalidOption, "--at takes a time such as 2026-12-24T18:00:00+01:00 or +2h, not \"\(at)\"")
        }
    }
}
