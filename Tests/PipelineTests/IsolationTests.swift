import Foundation
import Logging
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import PluginProtocol
import Posting
import SpreaderTesting
import StageHosting
import Testing

/// Stages in child processes: a failure that kills the child fails only one asset.
@Suite(.serialized) struct IsolationTests {
    /// A pool of test workers and the stage that works in them.
    private struct Isolated {
        let pool: WorkerPool
        let definition: StageDefinition

        init(memory: ByteCount = .gigabytes(2), stall: Duration = .seconds(20), executable: String? = nil) {
            var limits = WorkerLimits()
            limits.memory = memory
            limits.stall = stall
            limits.grace = .milliseconds(300)
            let launch = WorkerLaunch(
                executable: executable ?? Misbehave.workerPath, arguments: [],
                environment: ProcessInfo.processInfo.environment)
            pool = WorkerPool(launch: launch, limits: limits)
            definition = StageDefinition(Misbehave.self).isolated(in: pool)
        }

        func run(_ name: String, host: InMemoryHost = InMemoryHost()) async throws -> SourceFile {
            var context = host.context()
            context.asset = name
            return try #require(try await definition.make([:]).run(Self.source(name), context) as? SourceFile)
        }

        func failure(_ name: String) async -> StageError? {
            do {
                _ = try await run(name)
                return nil
            } catch {
                return error as? StageError
            }
        }

        static func source(_ name: String) -> SourceFile {
            SourceFile(file: FileReference(path: "/" + name, bytes: 1), displayPath: name)
        }
    }

    @Test func aCrashFailsItsAssetAndTheOthersFinish() async throws {
        let isolated = Isolated()
        let bench = try Bench()
        for name in ["a.mp4", "crash.mp4", "b.mp4"] { try bench.footage(name) }
        let text = #"{"name": "test", "stages": [{"uses": "misbehave", "retry": {"attempts": 3}}]}"#
        let (pipeline, _) = PipelineChecker(registry: StageRegistry([isolated.definition]), environment: { _ in nil })
            .check(PipelineDocument(text, file: "test.json"))
        let checked = try #require(pipeline)
        let summary = try await bench.run(bench.request(checked, ["a.mp4", "crash.mp4", "b.mp4"]))
        #expect(summary.status == 1)
        let events = bench.recorder.json
        #expect(
            events.filter { $0["event"] == "stage.finished" }.compactMap { $0["asset"]?.stringValue }.sorted() == [
                "a.mp4", "b.mp4",
            ])
        let failed = events.filter { $0["event"] == "stage.failed" }
        #expect(failed.count == 1)
        #expect(failed.first?["message"] == "the process of stage misbehave crashed (SIGSEGV) on crash.mp4")
        #expect(failed.first?["code"] == "internal")
        #expect(!events.contains { $0["event"] == "stage.retrying" })
        #expect(try await bench.run(bench.request(checked, ["crash.mp4"])).status == 1)
        await isolated.pool.close()
    }

    @Test func aCrashInThePlanIsAFindingOfItsAsset() async throws {
        let isolated = Isolated()
        let stage = try isolated.definition.make(["inPlan": true])
        await #expect(throws: StageError.self) {
            _ = try await stage.plan(Isolated.source("crash.mp4"), InMemoryHost().context().planning)
        }
        let plan = try await stage.plan(Isolated.source("fine.mp4"), InMemoryHost().context().planning)
        #expect(plan.output as? SourceFile == Isolated.source("fine.mp4"))
        await isolated.pool.close()
    }

    @Test func memoryAndTimeAreBounded() async throws {
        let bounded = Isolated(memory: ByteCount(300_000_000))
        let hungry = try #require(await bounded.failure("allocate.mp4"))
        #expect(hungry.outcome == .invalidData)
        #expect(hungry.message.contains("allocate.mp4 needs more than 300 MB of memory"), "\(hungry.message)")
        await bounded.pool.close()
        let isolated = Isolated(stall: .seconds(1))
        let hung = try #require(await isolated.failure("spin.mp4"))
        #expect(hung.outcome == .invalidData)
        #expect(hung.message.contains("made no progress for 1.0 s"), "\(hung.message)")
        let quit = try #require(await isolated.failure("quit.mp4"))
        #expect(quit.message.contains("exit status 3"))
        await isolated.pool.close()
    }

    @Test func memoryIsBoundedWhileIdle() async throws {
        let isolated = Isolated(memory: ByteCount(300_000_000))
        let pid = try await isolated.run("hoard.mp4").displayPath
        for _ in 0..<500 where FileManager.default.fileExists(atPath: "/proc/\(pid)") {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)"))
        #expect(try await isolated.run("fine.mp4").displayPath != pid)
        await isolated.pool.close()
    }

    @Test func workThatIgnoresCancellationIsEnded() async throws {
        let isolated = Isolated()
        let pid = try await isolated.run("fine.mp4").displayPath
        for name in ["spin.mp4", "wait.mp4"] {
            let start = ContinuousClock.now
            let task = Task { await isolated.failure(name) }
            try await Task.sleep(for: .milliseconds(150))
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(15))
        }
        #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)"))
        // Keeps a child that stops when asked to.
        let kept = try await isolated.run("fine.mp4").displayPath
        #expect(try await isolated.run("fine.mp4").displayPath == kept)
        await isolated.pool.close()
        #expect(!FileManager.default.fileExists(atPath: "/proc/\(kept)"))
    }

    @Test func aChildStartedAheadTakesTheFirstWork() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "warm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "worker")
        let starts = folder.appending(path: "starts")
        try Data("#!/bin/sh\necho x >> '\(starts.path)'\nexec '\(Misbehave.workerPath)'\n".utf8).write(to: script)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
        let isolated = Isolated(executable: script.path)
        isolated.pool.warm()
        isolated.pool.warm()
        let first = try await isolated.run("fine.mp4").displayPath
        isolated.pool.warm()
        #expect(try await isolated.run("fine.mp4").displayPath == first)
        #expect(try String(contentsOf: starts, encoding: .utf8) == "x\n")
        await isolated.pool.close()
        isolated.pool.warm()
        #expect(try String(contentsOf: starts, encoding: .utf8) == "x\n")
    }

    @Test func oneChildPlansAndRuns() async throws {
        let isolated = Isolated()
        let stage = try isolated.definition.make([:])
        let plan = try await stage.plan(Isolated.source("fine.mp4"), InMemoryHost().context().planning)
        let pid = try await isolated.run("fine.mp4").displayPath
        #expect(plan.reasons == [pid])
        #expect(pid != "\(ProcessInfo.processInfo.processIdentifier)")
        await isolated.pool.close()
    }

    @Test func confinedWorkReachesOnlyItsFiles() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sandbox-\(UUID().uuidString)")
        let work = folder.appending(path: "work")
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["peek.mp4", "other.mp4"] { try Data("footage".utf8).write(to: folder.appending(path: name)) }
        let source = SourceFile(
            file: FileReference(path: folder.appending(path: "peek.mp4").path, bytes: 7), displayPath: "peek.mp4")
        let pool = WorkerPool(
            launch: WorkerLaunch(
                executable: Misbehave.workerPath, arguments: [], environment: ProcessInfo.processInfo.environment))
        let inForce = try await pool.ready(sandbox: SandboxPolicy(reads: [], writes: [])).confinement ?? []
        func reached(_ confinement: Confinement) async throws -> String {
            let stage = try StageDefinition(Misbehave.self).isolated(in: pool, confinement).make([:])
            var context = InMemoryHost().context(workDirectory: work)
            context.runDirectory = folder
            return try #require(try await stage.run(source, context) as? SourceFile).displayPath
        }
        #expect(try await reached(.none).contains("files beside it"))
        // `doctor` reports kernels without these.
        if inForce.contains("seccomp") {
            let offline = try await reached(.offline)
            #expect(
                offline.contains("files beside it") && !offline.contains("network") && !offline.contains("programs")
                    && !offline.contains("owners"))
        }
        if inForce == ["landlock", "seccomp"] {
            // Landlock restricts signals since its sixth version.
            let version = ProcessInfo.processInfo.operatingSystemVersion
            let isNew = (version.majorVersion, version.minorVersion) >= (6, 12)
            let signals = isNew ? "a signal to itself" : "a signal to the host, a signal to itself"
            #expect(try await reached(.footage) == "footage, work folder, \(signals)")
        }
        await pool.close()
    }

    @Test func strayOutputDoesNotBreakTheProtocol() async throws {
        let isolated = Isolated()
        #expect(try await isolated.run("chatter.mp4").displayPath == "nothing to read")
        await isolated.pool.close()
    }

    @Test func checkpointsErrorsAndProgressReachTheHost() async throws {
        let isolated = Isolated()
        let host = InMemoryHost()
        #expect(try await isolated.run("note.mp4", host: host).displayPath == "9007199254740993 true")
        #expect(host.progress.values == [StageProgress(fraction: 0)])
        let refused = try #require(await isolated.failure("refuse.mp4"))
        #expect(
            refused
                == StageError(
                    .limited, "enough", hint: "later", recovery: .limited(after: 7), outcome: .tryLater,
                    cause: "beneath"))
        // Children that run this program reach the ledger through their host.
        _ = try await isolated.run("post.mp4", host: host)
        #expect(try await host.ledger.find(host.context().postKey)?.state == .reserved)
        await isolated.pool.close()
    }

    @Test(.timeLimit(.minutes(1))) func answersLongerThanThePipeArriveWhole() async throws {
        let isolated = Isolated()
        #expect(try await isolated.run("burst").displayPath == "\(16 * 300_000)")
        await isolated.pool.close()
    }

    @Test(arguments: [
        ("/nonexistent/worker", "No such file"), ("/bin/true", "exits immediately"),
        ("/bin/cat", "not speak the protocol"),
    ]) func programsThatAreNoChildrenAreReported(path: String, message: String) async throws {
        let pool = WorkerPool(launch: WorkerLaunch(executable: path, arguments: [], environment: [:]))
        let stage = try StageDefinition(Misbehave.self).isolated(in: pool).make([:])
        let error = await #expect(throws: StageError.self) {
            _ = try await stage.plan(Isolated.source("a.mp4"), InMemoryHost().context().planning)
        }
        #expect(error?.outcome == .configuration)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    // MARK: Foreign children

    /// Permits that are never granted.
    private struct NoPermits: RatePermits {
        func acquire(_ limit: RateLimit) async throws(StageError) {
            try? await Task.sleep(for: .seconds(60))
            throw .cancelled
        }
    }

    /// A child whose `run(message)` is given in Python.
    private struct Foreign {
        let folder: URL
        let pool: WorkerPool
        let stage: AnyStage

        init(_ script: String) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "foreign-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let text = """
                import json, os, sys, time
                release, answers = "1", []
                def say(message): print(json.dumps(message), flush=True)
                def done(message): say({"type": "result", "id": message["id"], "artifact": message["input"]})
                def name(message): return message["context"]["asset"]
                \(script)
                for line in sys.stdin:
                    message = json.loads(line)
                    if message["type"] == "hello":
                        say({"type": "ready", "protocol": 1, "name": "foreign", "version": release, "stages": []})
                    elif message["type"] == "run": run(message)
                    elif message["type"] == "plan": plan(message)
                    elif message["type"] == "answer": answers.append(message)
                    elif message["type"] == "shutdown": break
                """
            try Data(text.utf8).write(to: folder.appending(path: "child.py"))
            var launch = WorkerLaunch(
                executable: "/usr/bin/env", arguments: ["python3", "child.py"],
                environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""])
            launch.directory = folder.path
            launch.capturesErrors = true
            pool = WorkerPool(launch: launch, origin: .plugin(name: "foreign"))
            stage = try StageDefinition(Misbehave.self).isolated(in: pool).make([:])
        }

        func run(_ name: String) async throws -> String {
            var context = InMemoryHost().context()
            context.asset = name
            context.permits = NoPermits()
            return try #require(try await stage.run(Isolated.source(name), context) as? SourceFile).displayPath
        }

        func close() async {
            await pool.close()
            try? FileManager.default.removeItem(at: folder)
        }
    }

    @Test func lateAnswersReachNoOtherRequest() async throws {
        let child = try Foreign(
            """
            def run(message):
                if name(message) == "asks":
                    for number in range(20):
                        say({"type": "checkpoint.get", "id": message["id"], "request": number, "key": "x"})
                        say({"type": "permit", "id": message["id"], "request": 50 + number, "key": "x",
                             "value": {"permits": 1, "window": 3600}})
                else:
                    say({"type": "checkpoint.get", "id": message["id"], "request": 99, "key": "x"})
                    answers.append(json.loads(sys.stdin.readline()))
                    message["input"]["displayPath"] = " ".join(str(answer["request"]) for answer in answers)
                    answers.clear()
                done(message)
            """)
        for _ in 0..<10 {
            _ = try await child.run("asks")
            // What was answered in time is the first request's own.
            let heard = try await child.run("hears").split(separator: " ").compactMap { Int($0) }
            #expect(heard.last == 99 && heard.allSatisfy { $0 < 50 || $0 == 99 }, "\(heard)")
        }
        await child.close()
    }

    @Test func textsOfPluginsCannotControlTheTerminal() async throws {
        let child = try Foreign(
            """
            red = chr(27) + "[31m"
            def plan(message):
                finding = {"severity": "warning", "code": "c" + red, "message": "m" + red, "hint": "h" + red,
                           "pointer": "/p" + red, "subject": "footage"}
                say({"type": "result", "id": message["id"], "plan": {"action": "a" + red, "reasons": ["r" + red],
                     "details": {"n" + red: ["t" + red, {"i" + red: 1}]}, "findings": [finding]}})
            def run(message):
                say({"type": "failure", "id": message["id"], "error": {"code": "Not A Code", "message": "m" + red}})
            """)
        let plan = try await child.stage.plan(Isolated.source("a"), InMemoryHost().context().planning)
        #expect(plan.action == "a\u{FFFD}[31m" && plan.reasons == ["r\u{FFFD}[31m"])
        #expect(plan.details == ["n\u{FFFD}[31m": ["t\u{FFFD}[31m", ["i\u{FFFD}[31m": 1]]])
        let finding = try #require(plan.findings.first)
        #expect(finding.code == "plugin" && finding.message == "m\u{FFFD}[31m" && finding.hint == "h\u{FFFD}[31m")
        #expect(finding.pointer == "/p\u{FFFD}[31m")
        let error = await #expect(throws: StageError.self) { _ = try await child.run("a") }
        #expect(error?.code == .plugin && error?.message == "m\u{FFFD}[31m")
        await child.close()
    }

    @Test func laterChildrenMustOfferWhatTheFirstOffered() async throws {
        let child = try Foreign(
            """
            if os.path.exists("started"): release = "2"
            open("started", "w").close()
            def run(message):
                if name(message) == "dies": os._exit(1)
                done(message)
            """)
        await #expect(throws: StageError.self) { _ = try await child.run("dies") }
        let error = await #expect(throws: StageError.self) { _ = try await child.run("fine") }
        #expect(
            error?.message.contains("other stages or features than when it was started before") == true,
            "\(error as Any)")
        await child.close()
    }
}
