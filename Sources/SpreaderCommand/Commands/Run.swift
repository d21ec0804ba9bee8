import ArgumentParser
import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
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

    @Option(help: ArgumentHelp("Database (sqlite:PATH or postgres://…).", valueName: "url"))
    var db: String?

    func validate() throws {
        if repost, ignoresCache {
            throw ValidationError(
                "--repost and --no-cache can't be combined: a run that starts over would post again")
        }
        guard plan != nil else { return try arguments.requirePipeline() }
        if repost || arguments.until != nil || !(arguments.inputs + arguments.set + arguments.post).isEmpty {
            throw ValidationError(
                "--plan can't be combined with footage, --set, --post, --until or --repost: leave them out, or make a new plan"
            )
        }
    }

    func run() async throws {
        if dryRun {
            guard let plan else { return try await Plan.show(arguments) }
            return try await Command.orExit { () async throws(StageError) in try PlanFile(plan) }
                .show(beside: arguments)
        }
        // `runs resume` parses these words again.
        let words = Array(CommandLine.arguments.dropFirst())
        let status = try await start(words: words)
        if status != 0 { throw ExitCode(Int32(status)) }
    }

    /// Executes the run, also for `runs resume`.
    /// - Parameter words: The command-line words to store for resuming.
    /// - Returns: The exit status.
    func start(words: [String]) async throws -> Int {
        guard let plan else { return try await start(words: words, saved: nil) }
        var command = self
        let saved: PlanFile
        do throws(StageError) {
            saved = try PlanFile(plan)
        } catch {
            return refuse(error)
        }
        do throws(PlanFile.Refusal) {
            command.arguments = try saved.arguments(beside: arguments)
        } catch {
            report([error.finding], status: error.status)
            return error.status
        }
        return try await command.start(words: words, saved: saved)
    }

    private func start(words: [String], saved: PlanFile?) async throws -> Int {
        let stop = StopSwitch { [self] in
            report([], status: 130)
            Output.message("interrupted before any work began; run the same command again to start")
            _exit(130)
        }
        let interruption = SignalHandler {
            stop.cancel()
        } giveUp: {
            stop.giveUp()
        }
        defer { interruption.stop() }
        let settings: Settings
        do throws(StageError) {
            settings = try await Settings.load()
        } catch {
            return refuse(error)
        }
        guard arguments.sandbox else { return try await start(words, saved, settings, stop) }
        let logger = Log.sandbox(settings)
        do {
            return try await LocalSandbox.with(
                directory: settings.home.appending(path: "sandbox"), logger: logger
            ) { environment in
                try await start(words, saved, settings.sandboxed(environment), stop)
            }
        } catch let error as StageError {
            return refuse(error)
        }
    }

    private func start(
        _ words: [String], _ saved: PlanFile?, _ settings: Settings, _ stop: StopSwitch
    ) async throws -> Int {
        let document = PipelineDocument.read(arguments.pipeline)
        return try await StageHost.with(
            settings, .named(document.stageNames), isolate: arguments.isolate, orElse: { refuse($0) }
        ) { host in
            try await start(words, saved, settings, host, stop, document: document)
        }
    }

    private func start(
        _ words: [String], _ saved: PlanFile?, _ settings: Settings, _ host: StageHost, _ stop: StopSwitch,
        document: PipelineDocument
    ) async throws -> Int {
        let overrides = try arguments.overrides()
        let existing = await Command.existing(settings, database: db)
        var checked = await CheckedRun.load(
            document, inputs: arguments.inputs, overrides: overrides, until: arguments.until,
            registry: host.registry, settings: settings, credentials: await Command.credentials(settings, existing))
        checked.add(host.findings)
        if let error = checked.secretRefusal(overrides, keeper: "run record") { return refuse(error) }
        guard let pipeline = checked.pipeline, checked.blocking.isEmpty else { return refuse(checked) }
        // A job's asset keeps its name if this machine fetched the footage to another path.
        if let name = settings[JobProcess.assetSetting], checked.assets.count == 1 { checked.assets[0].name = name }
        // Planning leaves a core and the disk idle, so compute the digest of the first asset meanwhile. More would compete
        // for the CPU.
        let ahead = checked.assets.first.flatMap { DigestAhead(of: $0.path) }
        let plans = await checked.planFootage(settings: settings)
        if plans.first?.failure != nil { ahead?.cancel() }
        if let saved {
            let desk = PlanBuilder(
                arguments: arguments, settings: settings, records: existing, digests: FileDigests(existing?.store))
            checked.add(await desk.refusals(since: saved, pipeline, checked.assets, plans))
            guard checked.blocking.isEmpty else {
                ahead?.cancel()
                return refuse(checked)
            }
        }
        let assembly: HostAssembly
        let prepared: (record: RunRecord, isResumed: Bool)
        let renderer: any RunRenderer
        let text = TextRenderer(terminal: .standardError())
        do throws(StageError) {
            if let existing {
                assembly = existing
            } else {
                assembly = try await HostAssembly.open(settings, database: db)
            }
            var request = request(pipeline, checked, plans, words, settings)
            request.plannedDigests = saved?.digests ?? [:]
            let draft = try await assembly.runHost(
                logger: Log.make("run", settings: settings), waitsForLimits: !neverWaits, emit: { _ in })
            prepared = try await RunEngine.record(for: request, host: draft)
            renderer = arguments.format == .json ? JSONRenderer(runID: prepared.record.id) : text
            if arguments.format == .text {
                for finding in checked.findings where finding.severity == .warning { Output.message(finding.text) }
            }
            var runHost = draft
            runHost.digests.ahead = ahead
            runHost.emit = { renderer.show($0) }
            let engine = RunEngine(request: request, host: runHost)
            let age = try Retention.setting(settings)
            let summary = await interruptible(engine, prepared, renderer, stop)
            if let limit = try? settings.cacheLimit(), limit.bytes > 0 {
                _ = await assembly.cache.prune(unusedSince: Date().addingTimeInterval(-90 * 86400), limit: limit)
            }
            if let age { _ = try? await Retention(assembly: assembly).prune(olderThan: age) }
            finish(summary, prepared.record, text)
            return summary.status
        } catch {
            return refuse(error)
        }
    }

    private func request(
        _ pipeline: Pipeline, _ checked: CheckedRun, _ plans: [AssetPlan], _ words: [String], _ settings: Settings
    ) -> RunRequest {
        let directory = FileManager.default.currentDirectoryPath
        let identity = settings.accountID(pipeline.account).identity
        // A job resumes its own run, on any machine.
        let job = settings[JobProcess.leaseSetting].flatMap { JobFence($0) }.map { "job:\($0.job)" }
        let fingerprint = job.map(ContentDigest.sha256) ?? arguments.fingerprint(identity, reposts: repost)
        let failures = Dictionary(
            plans.map(checked.masked).compactMap { plan in plan.failure.map { (plan.asset, $0) } },
            uniquingKeysWith: { $1 })
        var request = RunRequest(
            pipeline: pipeline, assets: checked.assets.filter { failures[$0.name] == nil }, accountIdentity: identity,
            settings: settings.plain, fingerprint: fingerprint,
            command: [directory] + Self.remembered(words),
            workRoot: workDir.map { URL(filePath: $0).standardizedFileURL }
                ?? settings.home.appending(path: "runs"),
            usesCache: !ignoresCache, keepsWork: keep, waitsForLimits: !neverWaits,
            isPartial: arguments.until != nil)
        request.reposts = repost
        request.refused = refused(checked, failures)
        return request
    }

    /// Refused footage, one entry per asset; several findings are joined into one message.
    private func refused(_ checked: CheckedRun, _ failures: [String: (stage: String, error: StageError)])
        -> [RefusedAsset]
    {
        var refused: [RefusedAsset] = []
        for finding in checked.refusedFootage {
            let asset = finding.asset ?? finding.message
            if let index = refused.firstIndex(where: { $0.asset == asset }) {
                // The stage's own error already says it.
                guard failures[asset] == nil else { continue }
                refused[index].error.message += "; \(finding.message)"
                if refused[index].error.hint != finding.hint { refused[index].error.hint = nil }
            } else {
                let error = StageError(.unusableFootage, finding.message, hint: finding.hint, outcome: .invalidData)
                refused.append(
                    RefusedAsset(asset: asset, error: failures[asset]?.error ?? error, stage: failures[asset]?.stage))
            }
        }
        return refused
    }

    /// Runs the engine. The first interrupt cancels it; a second one, or too slow a stop, ends the process.
    private func interruptible(
        _ engine: RunEngine, _ prepared: (record: RunRecord, isResumed: Bool), _ renderer: any RunRenderer,
        _ stop: StopSwitch
    ) async -> RunSummary {
        let start = Date()
        let work = Task { await engine.run(prepared) }
        let isText = arguments.format == .text
        let count = engine.assetCount
        let id = prepared.record.id
        stop.set {
            if isText { Output.message("stopping … (interrupt again to exit at once)") }
            work.cancel()
        } giveUp: {
            renderer.show(
                .runFinished(
                    RunSummary(status: 130, assets: count, posts: 0, seconds: Date().timeIntervalSince(start))))
            Output.message(Self.resumeHint(id))
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

    /// Removes `--db postgres://…` from the words that are stored, since the address may hold a password.
    static func remembered(_ words: [String]) -> [String] {
        var kept: [String] = []
        for word in words {
            if kept.last == "--db", word.hasPrefix("postgres") {
                kept.removeLast()
            } else if !word.hasPrefix("--db=postgres") {
                kept.append(word)
            }
        }
        return kept
    }

    static func resumeHint(_ id: String) -> String {
        "interrupted; to resume, run the same command again, or: spreader-pipeline runs resume \(id)"
    }

    private func finish(_ summary: RunSummary, _ record: RunRecord, _ text: TextRenderer) {
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
        if arguments.sandbox, summary.posts > 0 {
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
    private func refuse(_ checked: CheckedRun) -> Int {
        report(checked.findings, status: checked.refusal)
        return checked.refusal
    }

    private func report(_ findings: [Diagnostic], status: Int) {
        for finding in findings { Output.message(finding.text) }
        guard arguments.format == .json else { return }
        let renderer = JSONRenderer(runID: "none")
        for finding in findings { renderer.show(.diagnostic(finding)) }
        renderer.show(.runFinished(RunSummary(status: status, assets: 0, posts: 0, seconds: 0)))
    }
}
