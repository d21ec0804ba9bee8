import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting

/// Measures the cost of running a stage in a child process.
struct IsolationBenchmarks {
    /// The argument that makes this program serve as the child.
    static let child = "serve-idle"

    private let input: SourceFile
    private let context: StageContext

    init(folder: URL) {
        input = SourceFile(
            file: FileReference(path: folder.appending(path: "asset-0.bin").path, bytes: 1), displayPath: "asset-0.bin")
        context = BareContext.running(in: folder)
    }

    func run() async throws {
        print("## Isolation, medians (µs)\n\n| one stage that does nothing | µs | goal |\n| --- | --- | --- |")
        let direct = try StageDefinition(Idle.self).make([:])
        printRow("in process", value: try await median(of: 2000) { try await time(direct) }, goal: "")
        try await measureWarmChild()
        printRow(
            "in a new child process",
            value: try await median(of: 40) {
                try await timeNewChild { StageDefinition(Idle.self).isolated(in: $0) }
            }, goal: "30000")
        printRow(
            "the same, sandboxed to its footage",
            value: try await median(of: 40) {
                try await timeNewChild { StageDefinition(Idle.self).isolated(in: $0, .footage) }
            }, goal: "30000")
        print("")
    }

    private func measureWarmChild() async throws {
        let pool = pool()
        let idle = try StageDefinition(Idle.self).isolated(in: pool).make([:])
        _ = try await time(idle)
        printRow(
            "in a warm child process, input and output included",
            value: try await median(of: 2000) { try await time(idle) }, goal: "")
        let roundTrips = try StageDefinition(RoundTrips.self).isolated(in: pool).make([:])
        let output = try await roundTrips.run(input, context) as? SourceFile
        printRow(
            "one round trip: a request by the child and its response",
            value: Double(output?.displayPath ?? "") ?? .nan, goal: "100")
        await pool.close()
    }

    // MARK: Helpers

    /// The time in µs that a stage takes.
    private func time(_ stage: AnyStage) async throws -> Double {
        let start = ContinuousClock.now
        _ = try await stage.run(input, context)
        return (ContinuousClock.now - start).inSeconds * 1_000_000
    }

    /// The time in µs that a stage takes in a child process that it starts.
    private func timeNewChild(of definition: (WorkerPool) -> StageDefinition) async throws -> Double {
        let pool = pool()
        let elapsed = try await time(definition(pool).make([:]))
        await pool.close()
        return elapsed
    }

    private func median(of count: Int, _ measure: () async throws -> Double) async throws -> Double {
        var times: [Double] = []
        for _ in 0..<count { times.append(try await measure()) }
        return times.sorted()[count / 2]
    }

    private func printRow(_ name: String, value: Double, goal: String) {
        print("| \(name) | \(String(format: "%.0f", value)) | \(goal) |")
    }

    private func pool() -> WorkerPool {
        WorkerPool(
            launch: WorkerLaunch(
                executable: "/proc/self/exe", arguments: [Self.child],
                environment: ProcessInfo.processInfo.environment))
    }
}

/// Reads a checkpoint from its host 2,000 times. The output's display path is the median time of a round trip in µs.
struct RoundTrips: Stage {
    static let name: StageName = "roundTrips"
    static let summary = "Measures round trips to its host."
    static let effect: Effect = .resumable
    static let resource: Resource = .light
    init(options: NoOptions) {}

    func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> SourceFile {
        var times: [Double] = []
        for _ in 0..<2000 {
            let start = ContinuousClock.now
            _ = try await context.checkpoints.value("note")
            times.append((ContinuousClock.now - start).inSeconds * 1_000_000)
        }
        var output = input
        output.displayPath = "\(times.sorted()[times.count / 2])"
        return output
    }
}
