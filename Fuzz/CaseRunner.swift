import Foundation
import Logging
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import ProbePlugin
import SpreaderApp
import StageHosting
import Synchronization
import TranscodePlugin

/// Runs probe and transcode on one damaged file.
protocol CaseRunner: Sendable {
    /// Returns the verdict on `file`, and the error message or delivery strategy.
    func run(_ file: URL, work: URL) async -> (verdict: Verdict, detail: String)
    /// Stops the child processes.
    func close() async
}

/// Runs the stages in child processes of the fuzzer.
final class ChildRunner: CaseRunner {
    private let pool: WorkerPool
    /// Limits the total time of a case, because a child that makes a little progress now and then never counts as stalled.
    private let timeLimit: Duration
    /// The number of children that died of an earlier case, after which the case itself succeeded in a new child.
    let inherited = Atomic<Int>(0)

    /// How children ended during the current case.
    private final class Terminations: Sendable { let reasons = Mutex<[TerminationReason]>([]) }
    private let terminations: Terminations

    init(memory: ByteCount, stall: Duration) {
        var limits = WorkerLimits()
        limits.memory = memory
        limits.stall = stall
        timeLimit = stall * 6
        let terminations = Terminations()
        self.terminations = terminations
        let launch = WorkerLaunch(
            executable: "/proc/self/exe", arguments: ["--serve"], environment: ProcessInfo.processInfo.environment)
        pool = WorkerPool(
            launch: launch, limits: limits, onEnd: { reason in terminations.reasons.withLock { $0.append(reason) } })
    }

    func run(_ file: URL, work: URL) async -> (verdict: Verdict, detail: String) {
        terminations.reasons.withLock { $0 = [] }
        let result: (verdict: Verdict, detail: String)
        do throws(StageError) {
            let delivery = try await deliver(file, work: work)
            let exists = FileManager.default.fileExists(atPath: delivery.file.path)
            result = exists ? (.delivered, delivery.strategy.rawValue) : (.uncontained, "the delivery is missing")
        } catch {
            result = outcome(of: error, file: file)
        }
        if [.delivered, .refused].contains(result.verdict), terminations.reasons.withLock({ !$0.isEmpty }) {
            inherited.add(1, ordering: .relaxed)
        }
        return result
    }

    private func outcome(of error: StageError, file: URL) -> (verdict: Verdict, detail: String) {
        if error.code == .internalFault { return (.uncontained, error.description) }
        if error.code == .cancelled { return (.hung, "not done after \(timeLimit.spoken)") }
        if let termination = terminations.reasons.withLock({ $0.last }),
            [Probe.name, Transcode.name].contains(where: { stage in
                error.message == termination.error(asset: file.lastPathComponent, stage: stage).message
            })
        {
            return (Verdict(termination), error.message)
        }
        return (.refused, error.message)
    }

    private func deliver(_ file: URL, work: URL) async throws(StageError) -> PreparedVideo {
        let bytes = (try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? NSNumber)?.int64Value ?? 0
        let source = SourceFile(
            file: FileReference(path: file.path, bytes: bytes), displayPath: file.lastPathComponent)
        let probe = try StageDefinition(Probe.self).isolated(in: pool).make(["settle": "0s"])
        let transcode = try StageDefinition(Transcode.self).isolated(in: pool)
            .make(["preset": "ultrafast", "maxDuration": "1s"])
        let context = StageContext(
            runID: "fuzz", stageID: "transcode", asset: file.lastPathComponent, workDirectory: work,
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }, checkpoints: NoServices(),
            permits: NoServices())
        let work = Task { () -> Result<any Artifact, StageError> in
            do throws(StageError) {
                return .success(try await transcode.run(try await probe.run(source, context), context))
            } catch {
                return .failure(error)
            }
        }
        let timeout = Task {
            try await Task.sleep(for: timeLimit)
            work.cancel()
        }
        let result = await work.value
        timeout.cancel()
        guard let video = try result.get() as? PreparedVideo else {
            throw StageError(.internalFault, "transcode gave no video")
        }
        return video
    }

    func close() async { await pool.close() }
}

/// Runs the built program on each file, as a user would.
struct ProgramRunner: CaseRunner {
    let program: String
    let timeLimit: Duration

    func run(_ file: URL, work: URL) async -> (verdict: Verdict, detail: String) {
        let pipeline = work.appending(path: "fuzz.json")
        let text =
            #"{"name": "fuzz", "stages": [{"uses": "probe", "with": {"settle": "0s"}}, {"uses": "transcode", "with": {"preset": "ultrafast", "maxDuration": "1s"}}]}"#
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["run", pipeline.path, file.path]
        process.environment = ["SPREADER_HOME": work.appending(path: "home").path, "PATH": "/usr/bin:/bin"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let (statuses, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(
                process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus)
            continuation.finish()
        }
        do {
            try Data(text.utf8).write(to: pipeline)
            try process.run()
        } catch {
            return (.uncontained, "\(error)")
        }
        let timeout = Task {
            try await Task.sleep(for: timeLimit)
            kill(process.processIdentifier, SIGKILL)
        }
        var status: Int32 = 0
        for await value in statuses { status = value }
        timeout.cancel()
        switch status {
        case 0: return (.delivered, "")
        case 1, 65: return (.refused, "status \(status)")
        default: return (.uncontained, status < 0 ? "the program died of signal \(-status)" : "status \(status)")
        }
    }

    func close() async {}
}

/// Host services that fail, because stages that read footage do not use them.
private struct NoServices: Checkpoints, RatePermits {
    private var unavailable: StageError { StageError(.internalFault, "a fuzzed stage used a host service") }

    func value(_ key: String) async throws(StageError) -> JSONValue? { nil }
    func set(_ key: String, to value: JSONValue) async throws(StageError) {}
    func acquire(_ limit: RateLimit) async throws(StageError) { throw unavailable }
}
