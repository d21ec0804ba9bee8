import Foundation
import Media
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import PluginProtocol
import StageHosting

/// The child process that runs confined stages: this program, started again with one argument.
package enum StageChild {
    /// The only argument of a child process.
    static let argument = "stage-worker"

    /// Whether this process is such a child.
    package static var isThis: Bool { CommandLine.argc == 2 && CommandLine.arguments[1] == argument }

    /// Serves stages to the host over standard input and output.
    package static func serve() -> Never {
        PluginProcess.serve(
            StageRegistry.linked.stages, name: argument, version: Version.current,
            // Load before the first request, while there is only one thread. Errors are reported when a stage first needs
            // the libraries.
            prepare: { try? MediaLibraries.load() }, services: PostingChannel.services)
    }
}
