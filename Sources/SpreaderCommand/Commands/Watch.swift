import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// `watch DIR --pipeline P`.
struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Queue footage as it arrives in a folder: one job a file, for `worker` to run.",
        discussion: """
            A file is taken once it has stopped growing, and once only, also over restarts and by several watchers; one \
            that is changed later is another. Files stay where they are, or are moved with --move-to.
            """)

    @Argument(help: "The folder.", completion: .directory) var folder: String
    @Option(
        help: ArgumentHelp("The pipeline file.", valueName: "file"),
        completion: .file(extensions: ["json", "yaml", "yml"]))
    var pipeline: String
    @Option(help: ArgumentHelp("How long a file has to stand still.", valueName: "duration")) var settle = "5s"
    @Option(
        help: ArgumentHelp(
            "A folder on the same disk that taken files are moved to, before they run.", valueName: "dir"),
        completion: .directory)
    var moveTo: String?
    @Flag(help: "End when everything that is there now is taken.") var once = false
    @Option(help: ArgumentHelp("Set an option of a stage.", valueName: "stage.option=value")) var set: [String] = []
    @Option(help: ArgumentHelp("Set a key of the post.", valueName: "key=value")) var post: [String] = []
    @Option(help: "0 to 9; smaller ones come first.") var priority = 0
    @Option(help: "The queue that jobs wait in.") var queue = "default"
    @Option(help: ArgumentHelp("Database: sqlite:PATH or postgres://…", valueName: "url")) var db: String?

    /// How often the folder is looked into although nothing was told: on network folders nobody tells.
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
            try await JobDesk.open(settings, db, entry: .seconds(60))
        }
        try check(folder: folder)
        if let moveTo {
            try check(folder: moveTo)
            let places = [folder, moveTo].map { URL(filePath: $0).standardizedFileURL.resolvingSymlinksInPath().path }
            guard places[0] != places[1] else {
                Output.message("error: --move-to is the folder that is watched")
                throw ExitCode(64)
            }
        }
        let bell = Doorbell()
        let bells = [folder, moveTo].compactMap(\.self).map { FolderBell($0, bell) }
        let (me, pipeline) = (self, checked)
        let outcome: Result<Void, any Error> = await Interruption.cancelling {
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

    private func watch(_ desk: JobDesk, _ pipeline: Pipeline, _ bell: Doorbell) async throws {
        let settle = Duration(parsing: settle) ?? .seconds(5)
        var incoming = FolderWatch(folder: folder, settle: settle)
        // What was moved, but not queued before the program ended.
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
                // Some of what is there was not taken.
                if !isWhole { throw ExitCode(1) }
                return
            }
            // A file that stops growing rings no bell.
            await bell.wait(atMost: found.isGrowing ? min(settle / 2, .seconds(1)) : Self.usualPause)
        }
    }

    /// Makes the job, unless the file was taken before.
    /// - Returns: Whether the file is taken now, by whomever.
    private func queue(_ file: FolderWatch.Ready, _ desk: JobDesk, _ pipeline: Pipeline) async throws -> Bool {
        var pause = Duration.seconds(1)
        while true {
            do throws(StageError) {
                var job = try await desk.job(
                    of: file.asset, pipeline, at: self.pipeline, options: PipelineArguments.words(set: set, post: post))
                (job.queue, job.priority) = (queue, priority)
                // Never pruned: what was taken stays taken for as long as the file is there.
                if let made = try await desk.queue.tick(file.mark, at: .distantFuture, jobs: [job])?.first {
                    Output.result("job \(made.id)  \(file.asset.path)")
                }
                return true
            } catch {
                guard !Task.isCancelled, error.code != .cancelled else { throw CancellationError() }
                // The file's own trouble is its own: it is looked at again later.
                guard error.code != .fileSystem, error.code != .footageChanged else {
                    Output.message("error: \(error.description)")
                    return false
                }
                // What a person has to mend ends it; what passes is waited for.
                guard error.recovery != .permanent || error.code == .internalFault else { throw error }
                Output.message("error: \(error.description); trying again")
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(60))
            }
        }
    }

    /// Moves a file and what stands beside it. A name that is taken there gets a number.
    /// - Returns: Whether it could be moved.
    private func move(_ asset: AssetInput, to folder: String) -> Bool {
        let source = URL(filePath: asset.path)
        let target = URL(filePath: folder).standardizedFileURL
        let stem = source.deletingPathExtension().lastPathComponent
        var name = stem
        var number = 2
        // A stem of its own: what stands beside it is its alone.
        let there = Set(
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map {
                URL(filePath: $0).deletingPathExtension().lastPathComponent
            })
        while there.contains(name) {
            name = "\(stem)-\(number)"
            number += 1
        }
        // The footage last: once it is there, everything is.
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
        let checked = try await StageHost.with(settings, .pipeline(pipeline)) { host in
            await CheckedRun.load(
                file: pipeline, inputs: [folder], overrides: overrides, registry: host.registry, settings: settings,
                credentials: credentials)
        }
        if let error = checked.secretRefusal(overrides, keeper: "job") { throw Command.exit(error) }
        // Footage is to come, and the login may be made before the jobs run.
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
            Output.message("error: there is no folder \(folder)")
            throw ExitCode(64)
        }
    }
}
