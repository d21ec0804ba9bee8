import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Queue footage as it arrives in a folder, one job per file.",
        discussion: """
            Queues a file once it has stopped growing, and only once, across restarts and watchers; a changed file \
            counts as a new one. Files stay where they are, unless --move-to is given.

            Examples:
              spreader-pipeline watch footage --pipeline pipelines/tiktok.json
              spreader-pipeline watch footage --pipeline tiktok.json --move-to queued
            """)

    @Argument(help: "Folder to watch.", completion: .directory) var folder: String
    @Option(
        help: ArgumentHelp("Pipeline file, JSON or YAML.", valueName: "file"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String
    @Option(help: ArgumentHelp("Time that a file must stay unchanged.", valueName: "duration")) var settle = "5s"
    @Option(
        help: ArgumentHelp(
            "Move files to this folder on the same disk before queueing them.", valueName: "dir"),
        completion: .directory)
    var moveTo: String?
    @Flag(help: "Exit once all files in the folder are queued.") var once = false
    @Option(help: ArgumentHelp("Set a stage option.", valueName: "stage.option=value")) var set: [String] = []
    @Option(help: ArgumentHelp("Set a post setting.", valueName: "key=value")) var post: [String] = []
    @Option(help: "Priority from 0 to 9; smaller numbers run first.") var priority = 0
    @Option(help: "Queue to put the jobs in.") var queue = "default"
    @Option(help: ArgumentHelp("Database (sqlite:PATH or postgres://…).", valueName: "url")) var db: String?

    /// How often to scan the folder without a notification: inotify does not see changes by other machines.
    private static let usualPause = Duration.seconds(30)

    func validate() throws {
        guard Duration(parsing: settle) != nil else { throw ValidationError("--settle takes a duration such as 5s") }
        guard (0...9).contains(priority) else { throw ValidationError("--priority takes 0 to 9") }
        _ = try PipelineArguments.overrides(set: set, post: post)
    }

    func run() async throws {
        let settings = try await Command.settings()
        let checked = try await check(settings)
        let desk = try await Command.orExit { () async throws(StageError) in
            try await JobSubmitter.open(settings, db, entry: .seconds(60))
        }
        try check(folder: folder)
        if let moveTo {
            try check(folder: moveTo)
            let places = [folder, moveTo].map { URL(filePath: $0).standardizedFileURL.resolvingSymlinksInPath().path }
            guard places[0] != places[1] else {
                Output.message("error: --move-to is the watched folder")
                throw ExitCode(64)
            }
        }
        let bell = AsyncSignal()
        let bells = [folder, moveTo].compactMap(\.self).map { FolderWatcher($0, bell) }
        let (me, pipeline) = (self, checked)
        let outcome: Result<Void, any Error> = await SignalHandler.cancelling {
            do {
                return .success(try await me.watch(desk, pipeline, bell))
            } catch {
                return .failure(error)
            }
        }
        withExtendedLifetime(bells) {}
        do {
            try outcome.get()
        } catch let error as StageError {
            Output.message("error: \(error.description)")
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    private func watch(_ desk: JobSubmitter, _ pipeline: Pipeline, _ bell: AsyncSignal) async throws {
        let settle = Duration(parsing: settle) ?? .seconds(5)
        var incoming = FolderWatch(folder: folder, settle: settle)
        // Files that were moved, but not queued before the program ended.
        var moved = moveTo.map { FolderWatch(folder: $0, settle: .zero) }
        var told: Set<String> = []
        var isWhole = true
        while !Task.isCancelled {
            let found = incoming.scan()
            for finding in found.findings where told.insert(finding.text).inserted { Output.message(finding.text) }
            if let moveTo, moved != nil {
                for file in found.ready where !move(file.asset, to: moveTo) { isWhole = false }
                let waiting = moved?.scan()
                for file in waiting?.ready ?? [] {
                    if try await queue(file, desk, pipeline) { moved?.take(file) } else { isWhole = false }
                }
            } else {
                for file in found.ready {
                    if try await queue(file, desk, pipeline) { incoming.take(file) } else { isWhole = false }
                }
            }
            if once, !found.isGrowing {
                // Some files could not be queued.
                if !isWhole { throw ExitCode(1) }
                return
            }
            // Nothing notifies us when a file stops growing, so poll.
            await bell.wait(atMost: found.isGrowing ? min(settle / 2, .seconds(1)) : Self.usualPause)
        }
    }

    /// Creates the job, unless the file was queued before.
    /// - Returns: Whether the file is queued now, by this watcher or another. False if the file itself can't be read.
    private func queue(_ file: FolderWatch.Ready, _ desk: JobSubmitter, _ pipeline: Pipeline) async throws -> Bool {
        var pause = Duration.seconds(1)
        while true {
            do throws(StageError) {
                var job = try await desk.job(
                    of: file.asset, pipeline, at: self.pipeline, options: PipelineArguments.words(set: set, post: post))
                (job.queue, job.priority) = (queue, priority)
                // Never pruned: a queued file must not be queued again as long as it exists.
                if let made = try await desk.queue.tick(file.mark, at: .distantFuture, jobs: [job])?.first {
                    Output.result("job \(made.id)  \(file.asset.path)")
                }
                return true
            } catch {
                guard !Task.isCancelled, error.code != .cancelled else { throw CancellationError() }
                // A problem with one file must not stop the others; the next scan tries it again.
                guard error.code != .fileSystem, error.code != .footageChanged else {
                    Output.message("error: \(error.description)")
                    return false
                }
                // A permanent error ends the watcher; a transient one is retried.
                guard error.recovery != .permanent || error.code == .internalFault else { throw error }
                Output.message("error: \(error.description); trying again")
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(60))
            }
        }
    }

    /// Moves a file and its sidecars. Adds a number to the name if the target folder already has it.
    /// - Returns: Whether everything was moved.
    private func move(_ asset: AssetInput, to folder: String) -> Bool {
        let source = URL(filePath: asset.path)
        let target = URL(filePath: folder).standardizedFileURL
        let stem = source.deletingPathExtension().lastPathComponent
        var name = stem
        var number = 2
        // The stem must be unique, or the file would get the sidecars of another one.
        let there = Set(
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map {
                URL(filePath: $0).deletingPathExtension().lastPathComponent
            })
        while there.contains(name) {
            name = "\(stem)-\(number)"
            number += 1
        }
        // The footage comes last: once it is there, its sidecars are too.
        for path in Sidecar.paths(beside: source.path) + [source.path] {
            let from = URL(filePath: path)
            let to = target.appending(path: "\(name).\(from.pathExtension)")
            if rename(from.path, to.path) != 0 {
                Output.message("error: can't move \(from.path) to \(to.path): \(String(cString: strerror(errno)))")
                return false
            }
        }
        return true
    }

    private func check(_ settings: Settings) async throws -> Pipeline {
        let overrides = try PipelineArguments.overrides(set: set, post: post)
        let credentials = await Command.credentials(settings, await Command.existing(settings, database: db))
        let document = PipelineDocument.read(pipeline)
        let checked = try await StageHost.with(settings, .named(document.stageNames)) { host in
            await CheckedRun.load(
                document, inputs: [folder], overrides: overrides, registry: host.registry, settings: settings,
                credentials: credentials)
        }
        if let error = checked.secretRefusal(overrides, keeper: "job") { throw Command.exit(error) }
        // Footage arrives later, and the user may log in before the jobs run.
        let findings = checked.findings.filter { $0.subject != .footage && $0.code != "no-input" }
        for finding in findings { Output.message(finding.text) }
        guard let pipeline = checked.pipeline,
            !findings.contains(where: { $0.severity == .error && $0.subject != .authorisation })
        else { throw ExitCode(Int32(checked.refusal)) }
        return pipeline
    }

    private func check(folder: String) throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory.boolValue else {
            Output.message("error: no such folder: \(folder)")
            throw ExitCode(64)
        }
    }
}
