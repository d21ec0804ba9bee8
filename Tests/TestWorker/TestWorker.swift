import PipelineKit
import SpreaderTesting

/// A child for tests of isolation.
@main struct TestWorker {
    static func main() async { await StageServer.serveStandardStreams([StageType(Misbehave.self)]) }
}
