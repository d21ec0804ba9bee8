import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
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

    @Argument(help: "Pipeline file, JSON or YAML.", completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String
    @Argument(help: "Footage: files, folders or patterns; replaces the pipeline's inputs.", completion: .file())
    var inputs: [String] = []
    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
    @Option(help: ArgumentHelp("Set a post setting.", valueName: "key=value")) var post: [String] = []
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
    @Option(help: "Maximum number of attempts.") var attempts = NewJob.usualAttempts
    @Option(help: ArgumentHelp("Database (sqlite:PATH or postgres://…).", valueName: "url")) var db: String?
    @Option(help: "Output format.") var format: OutputFormat = .text

    func validate() throws {
        guard (0...9).contains(priority) else { throw ValidationError("--priority takes 0 to 9") }
        guard (1...1000).contains(attempts) else { throw ValidationError("--attempts takes 1 to 1000") }
        do throws(StageError) {
            _ = try moment(now: .now)
        } catch {
            throw ValidationError(error.message)
        }
        _ = try PipelineArguments.overrides(set: set, post: post)
    }

    func run() async throws {
        let settings = try await Command.settings()
        let existing = await Command.existing(settings, database: db)
        let credentials = await Command.credentials(settings, existing)
        let overrides = try PipelineArguments.overrides(set: set, post: post)
        let document = PipelineDocument.read(pipeline)
        let checked = try await StageHost.with(settings, .named(document.stageNames)) { host in
            await CheckedRun.load(
                document, inputs: inputs, overrides: overrides,
                registry: host.registry, settings: settings, credentials: credentials)
        }
        if let error = checked.secretRefusal(overrides, keeper: "job") { throw Command.exit(error) }
        for finding in checked.findings { Output.message(finding.text) }
        // The user may log in before the jobs run.
        let blocking = checked.blocking.filter { $0.subject != .authorisation }
        guard let checkedPipeline = checked.pipeline, blocking.isEmpty, checked.refusedFootage.isEmpty else {
            throw ExitCode(Int32(checked.refusal))
        }
        let made = try await Command.orExit { () async throws(StageError) in
            let desk = try await JobSubmitter.open(settings, db)
            // The database's clock decides when a job is due.
            let moment = try moment(now: await desk.queue.now())
            var jobs: [NewJob] = []
            for asset in checked.assets {
                var job = try await desk.job(
                    of: asset, checkedPipeline, at: pipeline, options: PipelineArguments.words(set: set, post: post))
                (job.queue, job.priority, job.maxAttempts, job.scheduledAt) = (queue, priority, attempts, moment)
                job.uniqueKey = unique.map { checked.assets.count == 1 ? $0 : "\($0):\(asset.name)" }
                job.labels = labels?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
                jobs.append(job)
            }
            return try await desk.queue.insert(jobs)
        }
        switch format {
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
            return try PostMoment.parse(.string(at)).date(from: now)
        } catch {
            throw StageError(
                .invalidOption, "--at takes a time such as 2026-12-24T18:00:00+01:00 or +2h, not \"\(at)\"")
        }
    }
}
