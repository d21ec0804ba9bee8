import ArgumentParser
import Foundation
import Media
import PipelineKit
import PipelineRunner

/// `stage-worker`: the child in which stages run that read footage. Started by the program itself.
struct StageWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stage-worker", abstract: "Serve stages to a host over standard input and output.",
        shouldDisplay: false)

    func run() async throws {
        // Ahead of the first request; what stands in the way is told when a stage asks for them.
        Thread { try? MediaLibraries.load() }.start()
        await StageServer.serveStandardStreams(StageRegistry.builtIn.stages)
    }
}
