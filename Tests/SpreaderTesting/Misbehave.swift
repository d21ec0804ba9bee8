import Foundation
import Glibc
import Logging
public import PipelineKit
import Posting

/// A stage that misbehaves as the name of its footage says, to test the host: `crash.mp4` crashes.
public struct Misbehave: Stage {
    public static let name: StageName = "misbehave"
    public static let summary = "Misbehaves as the name of its footage says."
    public static let effect: Effect = .pure
    public static let resource: Resource = .light

    /// The options of the stage.
    public struct Options: StageOptions {
        @StageOption("Whether `plan` misbehaves too.") public var inPlan = false
        public init() {}
    }
    private let options: Options

    public init(options: Options) { self.options = options }

    /// The path of the executable that serves this stage in a child process; it is beside the test bundle.
    public static let workerPath = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appending(path: "spreader-test-worker").path

    /// Reports the id of the process that runs the check.
    public func check(_ context: CheckContext) -> [Diagnostic] {
        [Diagnostic(.note, code: "checked", "in process \(getpid()) for \(context.account)")]
    }

    /// Misbehaves only if `inPlan` is set. The reason is the id of the process.
    public func plan(_ input: SourceFile, _ context: PlanContext) async throws(StageError) -> StagePlan {
        if options.inPlan { _ = try await misbehave(input, nil) }
        return StagePlan(action: "misbehave", reasons: ["\(getpid())"], output: input)
    }

    /// Misbehaves. The display path of the output is the id of the process.
    public func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> SourceFile {
        context.progress(StageProgress(fraction: 0))
        return try await misbehave(input, context)
    }

    private func misbehave(_ input: SourceFile, _ context: StageContext?) async throws(StageError) -> SourceFile {
        var output = input
        output.displayPath = "\(getpid())"
        switch URL(filePath: input.displayPath).deletingPathExtension().lastPathComponent {
        case "crash": raise(SIGSEGV)
        case "quit": exit(3)
        case "spin": while true { usleep(1000) }
        case "allocate": Self.allocateForever()
        case "hoard": Self.allocateLater()
        case "chatter": output.displayPath = Self.chatter()
        case "wait":
            do { try await Task.sleep(for: .seconds(60)) } catch { throw .cancelled }
        case "note":
            if let context { output.displayPath = try await Self.note(context) }
        case "burst":
            if let context { output.displayPath = try await Self.burst(context) }
        case "post":
            if let context { _ = try await context.ledger.reserve(context.postKey, asset: "", runID: "") }
        case "peek":
            output.displayPath = Self.accessible(
                from: input.file.path, workFolder: context?.workDirectory.path ?? "/nonexistent")
        case "refuse":
            throw StageError(
                .limited, "enough", hint: "later", recovery: .limited(after: 7), outcome: .tryLater, cause: "beneath")
        default: break
        }
        return output
    }

    private static func allocateForever() {
        while let block = malloc(8 << 20) {
            memset(block, 1, 8 << 20)
            usleep(2000)
        }
    }

    /// Allocates after the stage has returned, while the child is idle.
    private static func allocateLater() {
        Thread.detachNewThread {
            usleep(200_000)
            if let block = malloc(600 << 20) { memset(block, 1, 600 << 20) }
            sleep(60)
        }
    }

    /// Prints stray lines, and returns what can be read from standard input.
    private static func chatter() -> String {
        for _ in 0..<2 { puts("{\"type\":\"result\"} (a stray line of a test)") }
        fflush(nil)
        return readLine() ?? "nothing to read"
    }

    /// Writes and reads checkpoints, and logs a line.
    private static func note(_ context: StageContext) async throws(StageError) -> String {
        try await context.checkpoints.set("part", to: ["n": 9_007_199_254_740_993])
        let note = try await context.checkpoints.value("part")
        let missing = try await context.checkpoints.value("nothing")
        context.logger.error("noted", metadata: ["part": "1"])
        return "\(note?["n"]?.integerValue ?? 0) \(missing == nil)"
    }

    /// Requests many checkpoints at once, each longer than the buffer of a pipe, and returns their total length.
    private static func burst(_ context: StageContext) async throws(StageError) -> String {
        try await context.checkpoints.set("long", to: .string(String(repeating: "long ", count: 60_000)))
        let length = await withTaskGroup { group in
            for name in 0..<24 {
                group.addTask {
                    (try? await context.checkpoints.value(name % 3 == 0 ? "none" : "long"))?.stringValue?.count
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ?? 0 }
        }
        return "\(length)"
    }

    /// Lists what the sandbox lets this process access.
    private static func accessible(from footage: String, workFolder: String) -> String {
        func opens(_ path: String, _ flags: Int32) -> Bool {
            let file = open(path, flags, 0o600)
            if file >= 0 { close(file) }
            return file >= 0
        }
        func startsPrograms() -> Bool {
            var pid: pid_t = 0
            return posix_spawn(&pid, "/bin/true", nil, nil, [nil], nil) == 0
        }
        let folder = URL(filePath: footage).deletingLastPathComponent().path
        let attempts = [
            ("footage", opens(footage, O_RDONLY)), ("changing it", opens(footage, O_WRONLY)),
            ("work folder", opens(workFolder + "/made", O_WRONLY | O_CREAT)),
            ("files beside it", opens(folder + "/other.mp4", O_RDONLY)),
            ("new files beside it", opens(folder + "/new", O_WRONLY | O_CREAT)),
            ("keys", opens("/etc/shadow", O_RDONLY)),
            ("the host's environment", opens("/proc/\(getppid())/environ", O_RDONLY)),
            ("a signal to the host", kill(getppid(), 0) == 0), ("a signal to itself", kill(getpid(), 0) == 0),
            ("owners", chown(workFolder + "/made", getuid(), getgid()) == 0),
            ("network", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) >= 0),
            ("programs", startsPrograms()),
        ]
        return attempts.filter(\.1).map(\.0).joined(separator: ", ")
    }
}
