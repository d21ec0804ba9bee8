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

    let folder: URL

    func run() async throws {
        let direct = try StageDefinition(Idle.self).make([:])
        let input = SourceFile(
            file: FileReference(path: folder.appending(path: "asset-0.bin").path, bytes: 1), displayPath: "asset-0.bin")
        let context = BareContext.running(in: folder)
        func time(_ stage: AnyStage) async throws -> Double {
            let start = ContinuousClock.now
            _ = try await stage.run(input, context)
            return (ContinuousClock.now - start).inSeconds * 1_000_000
        }
        func median(_ count: Int, _ body: () async throws -> Double) async throws -> Double {
            var times: [Double] = []
            for _ in 0..<count { times.append(try await body()) }
            return times.sorted()[count / 2]
        }
        print("## Isolation, medians (µs)\n\n| one stage that does nothing | µs | goal |\n| --- | --- | --- |")
        func row(_ name: String, _ value: Double, _ goal: String) {
            print("| \(name) | \(String(format: "%.0f", value)) | \(goal) |")
        }
        row("in process", try await median(2000) { try await time(direct) }, "")
        let warm = pool()
        let isolated = try StageDefinition(Idle.self).isolated(in: warm).make([:])
        _ = try await time(isolated)
        row(
            "in a warm child process, input and output included",
            try await median(2000) { try await time(isolated) }, "")
        let asking = try StageDefinition(Ask.self).isolated(in: warm).make([:])
        let asked = try await asking.run(input, context) as? SourceFile
        row("one round trip: a request by the child and its response", Double(asked?.displayPath ?? "") ?? .nan, "100")
        await warm.close()
        row(
            "in a new child process",
            try await median(40) {
                let cold = pool()
                let taken = try await time(StageDefinition(Idle.self).isolated(in: cold).make([:]))
                await cold.close()
                return taken
            }, "30000")
        row(
            "the same, sandboxed to its footage",
            try await median(40) {
                let cold = pool()
                let taken = try await time(StageDefinition(Idle.self).isolated(in: cold, .footage).make([:]))
                await cold.close()
                return taken
            }, "30000")
        print("")
    }

    private func pool() -> WorkerPool {
        WorkerPool(
            launch: WorkerLaunch(
                executable: "/proc/self/exe", arguments: [Self.child],
                environment: ProcessInfo.processInfo.environment))
    }
}

/// Reads a checkpoint from its host 2,000 times. The output's display path is the median time of a round trip in µs.
struct Ask: Stage {
    static let name: StageName = "ask"
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
