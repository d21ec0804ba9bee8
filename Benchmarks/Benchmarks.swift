import Crypto
import Foundation
import Glibc
import Logging
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import PluginProtocol
import Posting
import StageHosting
import Store

/// Measures the start-up time of the program, the overhead of the runner and the cost of isolation, and prints Markdown
/// tables. `Benchmarks/media` measures the media work.
///
/// Usage: spreader-benchmarks PROGRAM [POSTGRES LOG]. With a server, it measures the job queue instead.
@main
private enum Main {
    static func main() {
        // On the main thread, before any other exists, so that the sandbox covers the whole process.
        if CommandLine.arguments.last == IsolationBenchmarks.child {
            PluginProcess.serve(Idle.self, RoundTrips.self, name: "idle", version: "1")
        }
        Task {
            do {
                try await Benchmarks.main()
                exit(0)
            } catch {
                print("error: \(error)")
                exit(1)
            }
        }
        while true { RunLoop.main.run() }
    }
}

struct Benchmarks {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            print("usage: spreader-benchmarks PROGRAM [POSTGRES LOG]")
            exit(64)
        }
        let benchmarks = Benchmarks(program: arguments[1], folder: try makeScratchFolder())
        defer { try? FileManager.default.removeItem(at: benchmarks.folder) }
        // The measured commands inherit the folder and the environment.
        _ = FileManager.default.changeCurrentDirectoryPath(benchmarks.folder.path)
        setenv("SPREADER_HOME", benchmarks.folder.appending(path: "home").path, 1)
        guard arguments.count < 4 else {
            return try await QueueBenchmarks(
                program: arguments[1], folder: benchmarks.folder, address: arguments[2],
                log: URL(filePath: arguments[3])
            ).run()
        }
        try benchmarks.measureStartUp()
        try await benchmarks.measureStageOverhead()
        try await IsolationBenchmarks(folder: benchmarks.folder).run()
    }

    let program: String
    let folder: URL

    private static func makeScratchFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    // MARK: Start-up

    /// The time to print the version and to validate a pipeline, compared with `ffmpeg -version` and `ffprobe`.
    private func measureStartUp() throws {
        let pipeline = folder.appending(path: "p.json")
        try Data(
            #"{"inputs": ["clip.mp4"], "stages": [{"uses": "probe"}, {"uses": "transcode"}, {"uses": "export"}]}"#.utf8
        ).write(to: pipeline)
        try run(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30:d=2", "-c:v", "libx264",
                "-preset", "ultrafast", folder.appending(path: "clip.mp4").path,
            ])
        print("## Start-up, median of 30 (ms)\n\n| command | ms |\n| --- | --- |")
        for (name, command) in [
            ("`spreader-pipeline --version`", [program, "--version"]),
            ("`spreader-pipeline validate p.json` (probes one clip)", [program, "validate", pipeline.path]),
            ("`ffmpeg -version`", ["ffmpeg", "-version"]),
            ("`ffprobe clip.mp4`", ["ffprobe", "-v", "error", "-show_streams", "clip.mp4"]),
        ] {
            let times = try (0..<30).map { _ in try seconds(command) }.sorted()
            print("| \(name) | \(String(format: "%.1f", times[15] * 1000)) |")
        }
        print("")
    }

    // MARK: Overhead

    /// The overhead of the runner: 100 assets through five stages that do nothing.
    private func measureStageOverhead() async throws {
        let assets = try (0..<100).map { index in
            let name = "asset-\(index).bin"
            try Data("\(index)".utf8).write(to: folder.appending(path: name))
            return (name, SourcePosition(file: "bench"))
        }
        let stages = (0..<5).map { #"{"uses": "idle", "id": "idle\#($0)"}"# }.joined(separator: ", ")
        let checker = PipelineChecker(registry: StageRegistry([StageDefinition(Idle.self)]), environment: { _ in nil })
        let document = PipelineDocument("{\"stages\": [\(stages)]}", file: "bench.json")
        guard let pipeline = checker.check(document).pipeline else { return }
        let store = try RecordStore(sqlite: folder.appending(path: "bench.db").path)
        let host = RunEnvironment(
            journal: SQLJournal(store),
            ledger: SQLPostLedger(store, sealer: Sealer(key: SymmetricKey(size: .bits256))),
            permits: SQLRatePermits(store, maximumWait: .zero), credentials: NoCredentials(),
            digests: FileDigests(store), locks: SharedLocks(folder: folder.appending(path: "locks")),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }, emit: { _ in })
        let request = RunRequest(
            pipeline: pipeline, assets: InputResolver.resolve(assets, in: folder).assets, accountIdentity: "bench",
            settings: [:], fingerprint: "bench", command: [], workRoot: folder.appending(path: "work"))
        let record = try await RunEngine.record(for: request, host: host)
        let start = ContinuousClock.now
        let summary = await RunEngine(request: request, host: host).run(record)
        let elapsed = (ContinuousClock.now - start).inSeconds
        print("## Overhead of the runner\n\n| work | status | per asset (ms) |\n| --- | --- | --- |")
        print(
            "| 100 assets × 5 stages that do nothing, journaled | \(summary.status) | \(String(format: "%.1f", elapsed * 10)) |\n"
        )
    }

    // MARK: Processes

    private func seconds(_ command: [String]) throws -> Double {
        let start = ContinuousClock.now
        try run(command)
        return (ContinuousClock.now - start).inSeconds
    }

    /// Runs a command to its end. Uses posix_spawn, because waiting for a Foundation `Process` would add to the measured time.
    private func run(_ command: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        var status: Int32 = 0
        guard posix_spawnp(&process, command[0], &actions, nil, &arguments, environ) == 0,
            waitpid(process, &status, 0) == process, status == 0
        else { throw StageError(.internalFault, "\(command.joined(separator: " ")) failed: \(status)") }
    }
}

/// A stage that returns its input.
struct Idle: Stage {
    static let name: StageName = "idle"
    static let summary = "Does nothing."
    static let effect: Effect = .resumable
    static let resource: Resource = .light
    init(options: NoOptions) {}
    func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> SourceFile { input }
}

/// Credentials for stages that do not post.
struct NoCredentials: CredentialProvider {
    func problem(with account: String) -> Diagnostic? { nil }
    func credentials(for account: String) async throws(StageError) -> Credentials { throw .cancelled }
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        throw .cancelled
    }
}
