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
    @Option(help: ArgumentHelp("Time that a file must stay unchanged.", valueName: "duration"))
    var settle = Duration.seconds(5)
    @Option(
        help: ArgumentHelp(
            "Move files to this folder on the same disk before queueing them.", valueName: "dir"),
        completion: .directory)
    var moveTo: String?
    @Flag(help: "Exit once all files in the folder are queued.") var once = false
    @OptionGroup var overrides: OverrideOptions
    @Option(help: "Priority from 0 to 9; smaller numbers run first.") var priority = 0
    @Option(help: "Queue to put the jobs in.") var queue = "default"
    @OptionGroup var database: DatabaseOption

    /// How often to scan the folder without a notification: inotify does not see changes by other machines.
    private static let usualPause = Duration.seconds(30)

    func validate() throws {
        guard (0...9).contains(priority) else { throw ValidationError("--priority takes 0 to 9") }
        _ = try selection()
    }

    func run() async throws {
        let settings = try await Settings.load()
        let checked = try await check(settings)
        let submitter = try await JobSubmitter.open(settings, database.db, entry: .seconds(60))
        try check(folder: folder)
        if let moveTo {
            try check(folder: moveTo)
            let places = [folder, moveTo].map { URL(filePath: $0).standardizedFileURL.resolvingSymlinksInPath().path }
            guard places[0] != places[1] else {
                Output.message("error: --move-to is the watched folder")
                throw ExitCode(64)
            }
        }
        let signal = AsyncSignal()
        let watchers = [folder, moveTo].compactMap(\.self).map { FolderWatcher($0, signal) }
        let (me, pipeline) = (self, checked)
        let outcome: Result<Void, any Error> = await SignalHandler.cancelling {
            do {
                return .success(try await me.watch(submitter, pipeline, signal))
            } catch {
                return .failure(error)
            }
        }
        withExtendedLifetime(watchers) {}
        do {
            try outcome.get()
        } catch let error as StageError {
            Output.message("error: \(error.description)")
            throw ExitCode(Int32(error.outcome.rawValue))
        }
    }

    private func watch(_ submitter: JobSubmitter, _ pipeline: Pipeline, _ signal: AsyncSignal) async throws {
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
                    if try await queue(file, submitter, pipeline) { moved?.take(file) } else { isWhole = false }
                }
            } else {
                for file in found.ready {
                    if try await queue(file, submitter, pipeline) { incoming.take(file) } else { isWhole = false }
                }
            }
            if once, !found.isGrowing {
                // Some files could not be queued.
                if !isWhole { throw ExitCode(1) }
                return
            }
            // Nothing notifies us when a file stops growing, so poll.
            await signal.wait(atMost: found.isGrowing ? min(settle / 2, .seconds(1)) : Self.usualPause)
        }
    }

    /// Creates the job, unless the file was queued before.
    /// - Returns: Whether the file is queued now, by this watcher or another. False if the file itself can't be read.
    private func queue(_ file: FolderWatch.Ready, _ submitter: JobSubmitter, _ pipeline: Pipeline) async throws -> Bool
    {
        var pause = Duration.seconds(1)
        let words = try selection().words
        while true {
            do throws(StageError) {
                var job = try await submitter.job(
                    of: file.asset, pipeline, at: self.pipeline, options: words)
                (job.queue, job.priority) = (queue, priority)
                // Never pruned: a queued file must not be queued again as long as it exists.
                if let made = try await submitter.queue.tick(file.mark, at: .distantFuture, jobs: [job])?.first {
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

    private func selection() throws -> PipelineSelection {
        try PipelineSelection.checked(file: pipeline, inputs: [folder], set: overrides.set, post: overrides.post)
    }

    private func check(_ settings: Settings) async throws -> Pipeline {
        let selection = try selection()
        let prepared = try await Workspace.with(settings, for: selection, database: database.db) {
            await PreparedRun.load(selection, in: $0)
        }
        if let error = prepared.secretRefusal(keeper: "job") { throw error }
        // Footage arrives later, and the user may log in before the jobs run.
        let findings = prepared.findings.filter { $0.subject != .footage && $0.code != "no-input" }
        for finding in findings { Output.message(finding.text) }
        guard let pipeline = prepared.pipeline,
            !findings.contains(where: { $0.severity == .error && $0.subject != .authorisation })
        else { throw ExitCode(Int32(prepared.refusal)) }
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
