import PipelineKit
import PluginProtocol
import SpreaderTesting

/// A child for tests of isolation.
@main struct TestWorker {
    static func main() { PluginProcess.serve(Misbehave.self, name: "misbehave", version: "1.0.0") }
}
