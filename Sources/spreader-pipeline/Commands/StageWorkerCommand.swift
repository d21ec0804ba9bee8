import ArgumentParser
import PipelineKit
import PipelineRunner

/// `stage-worker`: the child in which stages run that read footage. Started by the program itself.
struct StageWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage-worker", abstract: "Serve stages to a host over standard input and output.",
        shouldDisplay: false)

    func run() async throws { await StageServer.serveStandardStreams(StageRegistry.builtIn.stages) }
}
