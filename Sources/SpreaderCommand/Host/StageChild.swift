import Foundation
import Media
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import PluginProtocol
import StageHosting

/// The child in which stages run that read footage: this program, started by itself.
enum StageChild {
    /// The one argument that makes the program a child.
    static let argument = "stage-worker"

    /// Whether this process is one.
    static var isThis: Bool { CommandLine.argc == 2 && CommandLine.arguments[1] == argument }

    /// Serves stages to the host over standard input and output.
    static func serve() -> Never {
        PluginProcess.serve(
            StageRegistry.linked.stages, name: argument, version: Version.current,
            // Ahead of the first request, and on the only thread there is; what stands in the way is told when a stage
            // asks for them.
            prepare: { try? MediaLibraries.load() }, services: PostingChannel.services)
    }
}
