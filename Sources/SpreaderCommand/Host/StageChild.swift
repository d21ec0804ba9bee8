import Foundation
import Media
import PipelineKit
import PipelineRunner

/// The child in which stages run that read footage: this program, started by itself.
enum StageChild {
    /// The one argument that makes the program a child.
    static let argument = "stage-worker"

    /// Whether this process is one.
    static var isThis: Bool { CommandLine.argc == 2 && CommandLine.arguments[1] == argument }

    /// Serves stages to the host over standard input and output.
    static func serve() async -> Never {
        // Ahead of the first request; what stands in the way is told when a stage asks for them.
        Thread { try? MediaLibraries.load() }.start()
        await StageServer.serveStandardStreams(StageRegistry.linked.stages)
    }
}
