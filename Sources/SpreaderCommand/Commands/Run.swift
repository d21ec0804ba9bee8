import ArgumentParser
import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import Store

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a pipeline on its footage.",
        discussion: """
            Checks everything before work starts. After an interruption or a crash, the same command resumes where the \
            run stopped. Footage that is already posted is not posted again, except with --repost.

            With --plan, executes a plan from `plan --save`, and stops if anything has changed since.

            Examples:
              spreader-pipeline run pipelines/tiktok.json clip.mp4 --sandbox
              spreader-pipeline run pipelines/tiktok.json clip.mp4 --post title="My clip"
              spreader-pipeline run --plan launch.plan.json
            """)

    @OptionGroup var arguments: PipelineArguments

    @Option(help: ArgumentHelp("Execute this saved plan.", valueName: "file"), completion: .file())
    var plan: String?

    @Flag(help: "Show the plan without running it (same as the plan command).")
    var dryRun = false

    @Flag(name: .customLong("no-cache"), help: "Ignore cached results and rerun every stage.")
    var ignoresCache = false

    @Flag(help: "Keep the work files after success.")
    var keep = false

    @Flag(name: .customLong("no-wait"), help: "Exit with 75 instead of waiting when a limit is reached.")
    var neverWaits = false

    @Flag(help: "Post again even if this footage was already posted.")
    var repost = false

    @Option(help: ArgumentHelp("Store the work files in this folder.", valueName: "dir"))
    var workDir: String?

    @OptionGroup var database: DatabaseOption

    func validate() throws {
        if repost, ignoresCache {
            throw ValidationError(
                "--repost and --no-cache can't be combined: a run that starts over would post again")
        }
        guard plan != nil else { return try arguments.requirePipeline() }
        let given = arguments.inputs + arguments.overrides.set + arguments.overrides.post
        if repost || arguments.until != nil || !given.isEmpty {
            throw ValidationError(
                "--plan can't be combined with footage, --set, --post, --until or --repost: leave them out, or make a new plan"
            )
        }
    }

    func run() async throws {
        if dryRun { return try await showPlan() }
        // `runs resume` parses these words again.
        let status = try await start(words: Array(CommandLine.arguments.dropFirst()))
        if status != 0 { throw ExitCode(Int32(status)) }
    }

    private func showPlan() async throws {
        guard let plan else {
            return try await Plan.show(try arguments.selection(), format: arguments.format)
        }
        let saved = try PlanFile(plan)
        do {
            let selection = try saved.selection(named: arguments.file, sandbox: arguments.sandbox)
            try await Plan.show(selection, format: arguments.format, saved: saved)
        } catch let refusal as PlanFile.Refusal {
            Output.message(refusal.finding.text)
            throw ExitCode(Int32(refusal.status))
        }
    }

    /// Runs the pipeline, or the saved plan.
    /// - Parameter words: The words after the program's name, which `runs resume` parses again.
    /// - Returns: The exit status.
    func start(words: [String]) async throws -> Int {
        let stop = StopSwitch { [self] in
            report([], status: 130)
            Output.message("interrupted before any work began; run the same command again to start")
            _exit(130)
        }
        let signals = SignalHandler {
            stop.cancel()
        } giveUp: {
            stop.giveUp()
        }
        defer { signals.stop() }
        do {
            let saved = try plan.map { try PlanFile($0) }
            var selection =
                try saved?.selection(named: arguments.file, sandbox: arguments.sandbox)
                ?? arguments.selection()
            selection.isolate = arguments.isolate
            return try await start(Invocation(selection: selection, saved: saved, words: words), stop)
        } catch let refusal as PlanFile.Refusal {
            report([refusal.finding], status: refusal.status)
            return refusal.status
        } catch let error as StageError {
            return refuse(error)
        }
    }

    /// What to run, by which saved plan, and how to resume it.
    private struct Invocation: Sendable {
        var selection: PipelineSelection
        var saved: PlanFile?
        var words: [String]
    }

    private func start(_ command: Invocation, _ stop: StopSwitch) async throws -> Int {
        let settings = try await Settings.load()
        guard command.selection.sandbox else { return try await start(command, stop, in: settings) }
        return try await LocalSandbox.with(
            directory: settings.home.appending(path: "sandbox"), logger: Log.sandbox(settings)
        ) { environment in
            try await start(command, stop, in: settings.sandboxed(environment))
        }
    }

    private func start(_ command: Invocation, _ stop: StopSwitch, in settings: Settings) async throws -> Int {
        try await Workspace.with(
            settings, for: command.selection, database: database.db
        ) { workspace in
            try await start(command, stop, in: workspace)
        }
    }

    private func start(_ command: Invocation, _ stop: StopSwitch, in workspace: Workspace) async throws -> Int {
        var prepared = await PreparedRun.load(command.selection, in: workspace)
        if let error = prepared.secretRefusal(keeper: "run record") { return refuse(error) }
        guard prepared.blocking.isEmpty else { return refuse(prepared) }
        prepared.nameAssetOfJob()
        // Planning leaves a core and the disk idle; with more assets, the later ones wait for the processor anyway.
        let ahead = prepared.assets.first.flatMap { DigestAhead(of: $0.path) }
        await prepared.planFootage()
        if prepared.plans.first?.failure != nil { ahead?.cancel() }
        if let saved = command.saved {
            await prepared.refuseChanges(since: saved)
            guard prepared.blocking.isEmpty else {
                ahead?.cancel()
                return refuse(prepared)
            }
        }
        let ready = try await prepared.begin(options(command.words), saved: command.saved, digestAhead: ahead)
        let text = TextRenderer(terminal: .standardError())
        let renderer: any RunRenderer = arguments.format == .json ? JSONRenderer(runID: ready.record.id) : text
        if arguments.format == .text {
            for finding in prepared.findings where finding.severity == .warning { Output.message(finding.text) }
        }
        let summary = await execute(ready, showing: renderer, stop: stop)
        await ready.cleanUp()
        finish(summary, ready.record, text: text, inSandbox: command.selection.sandbox)
        return summary.status
    }

    private func options(_ words: [String]) -> RunOptions {
        var options = RunOptions()
        options.ignoresCache = ignoresCache
        options.keepsWork = keep
        options.waitsForLimits = !neverWaits
        options.reposts = repost
        options.workRoot = workDir.map { URL(filePath: $0).standardizedFileURL }
        options.database = database.db
        options.command = words
        return options
    }

    /// Runs to the end, unless the work does not stop in time after an interrupt.
    private func execute(
        _ ready: ReadyRun, showing renderer: any RunRenderer, stop: StopSwitch
    ) async -> RunSummary {
        let start = Date()
        let work = Task { await ready.execute { renderer.show($0) } }
        let isText = arguments.format == .text
        stop.set {
            if isText { Output.message("stopping … (interrupt again to stop at once)") }
            work.cancel()
        } giveUp: {
            let summary = RunSummary(
                status: 130, assets: ready.assetCount, posts: 0, seconds: Date().timeIntervalSince(start))
            renderer.show(.runFinished(summary))
            Output.message(Self.resumeHint(ready.record.id))
        }
        let summary = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        stop.set {
        } giveUp: {
        }
        return summary
    }

    static func resumeHint(_ id: String) -> String {
        "interrupted; to resume, run the same command again, or: spreader-pipeline runs resume \(id)"
    }

    private func finish(
        _ summary: RunSummary, _ record: RunRecord, text: TextRenderer, inSandbox: Bool
    ) {
        if summary.status == 130 { Output.message(Self.resumeHint(record.id)) }
        guard arguments.format == .text else { return }
        defer {
            if [1, 69, 75, 77].contains(summary.status) {
                Output.message("finished work is kept: run the same command again to continue")
            }
        }
        let results = text.results()
        if !results.isEmpty { Output.result(Output.table(results.map(\.row))) }
        let posts = summary.posts == 0 ? "" : summary.posts == 1 ? ", 1 post" : ", \(summary.posts) posts"
        let assets = summary.assets == 1 ? "1 asset" : "\(summary.assets) assets"
        Output.message("run \(record.id): \(assets)\(posts) in \(Duration.seconds(summary.seconds).spoken)")
        if inSandbox, summary.posts > 0 {
            Output.message("to view the posts: spreader-pipeline sandbox")
        }
    }

    /// Reports an error that keeps the run from starting, and returns the exit status.
    private func refuse(_ error: StageError) -> Int {
        let status = error.outcome.rawValue
        report([Diagnostic(error, subject: status == 78 ? .configuration : .pipeline)], status: status)
        return status
    }

    /// Reports the findings that keep the run from starting, and returns the exit status.
    private func refuse(_ prepared: PreparedRun) -> Int {
        report(prepared.findings, status: prepared.refusal)
        return prepared.refusal
    }

    private func report(_ findings: [Diagnostic], status: Int) {
        for finding in findings { Output.message(finding.text) }
        guard arguments.format == .json else { return }
        let renderer = JSONRenderer(runID: "none")
        for finding in findings { renderer.show(.diagnostic(finding)) }
        renderer.show(.runFinished(RunSummary(status: status, assets: 0, posts: 0, seconds: 0)))
    }
}
