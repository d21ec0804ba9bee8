import PipelineKit
import Testing

@Suite struct LoopbackHostTests {
    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:8080", "localhost", "LocalHost:1", "[::1]", "[::1]:99", "127.9.9.9:80",
    ])
    func acceptsHostHeadersOfThisMachine(authority: String) {
        #expect(LoopbackHost.contains(authority: authority))
    }

    @Test(arguments: [
        "", ":80", "evil.test", "evil.test:127", "localhost.evil.test", "127.0.0.1.evil.test:80", "[::2]:80", "::1",
        "[::1", "127.0.0.300", "[127.evil.test]",
    ])
    func refusesOthers(authority: String) {
        #expect(!LoopbackHost.contains(authority: authority))
    }
}
