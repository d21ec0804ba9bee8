import PipelineKit
import PluginProtocol
import SpreaderTesting
import StageHosting

/// A child for tests of isolation.
@main struct TestWorker {
    static func main() {
        PluginProcess.serve(
            [StageDefinition(Misbehave.self)], name: "misbehave", version: "1.0.0", prepare: {},
            services: PostingChannel.services)
    }
}
