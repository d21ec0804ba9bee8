import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct PageTests {
    @Test func feedShowsPostsWithEscapedCaptions() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            #expect(try await sandbox.send("GET", "/").text.contains("Nothing posted yet"))
            let id = try await sandbox.post(TestMovie().data, title: "<script>alert(1)</script> & \"more\"")
            _ = try await sandbox.finished(id)
            let page = try await sandbox.send("GET", "/")
            #expect(page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"))
            #expect(!page.text.contains("<script>alert"))
            #expect(page.text.contains("src=\"/_sandbox/media/\(id)\"") && page.text.contains("Published"))
            #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
        }
    }

    @Test func feedShowsFailuresAndDrafts() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            _ = try await sandbox.finished(try await sandbox.post(TestMovie(codec: "av01").data))
            _ = try await sandbox.finished(try await sandbox.post(TestMovie().data, mode: .inbox))
            let page = try await sandbox.send("GET", "/").text
            #expect(page.contains("file_format_check_failed") && page.contains("in the inbox"))
        }
    }

    @Test func servesVideosInRanges() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let file = TestMovie(payload: 700_000).data
            let id = try await sandbox.post(file)
            let path = "/_sandbox/media/\(id)"
            let whole = try await sandbox.send("GET", path)
            #expect(whole.status == 200 && whole.body == file && whole.headers["content-type"] == "video/mp4")
            let part = try await sandbox.send("GET", path, headers: [("Range", "bytes=100-299")])
            #expect(part.status == 206 && part.body == file[100..<300])
            #expect(part.headers["content-range"] == "bytes 100-299/\(file.count)")
            let tail = try await sandbox.send("GET", path, headers: [("Range", "bytes=-50")])
            #expect(tail.status == 206 && tail.body == file.suffix(50))
            #expect(try await sandbox.send("GET", path, headers: [("Range", "bytes=\(file.count)-")]).status == 416)
            #expect(try await sandbox.send("GET", "/_sandbox/media/..%2Fjournal.jsonl").status == 404)
        }
    }

    @Test func rejectsForeignHostsAndOrigins() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let foreign = try await sandbox.send("GET", "/_sandbox/posts", headers: [("Host", "evil.example")])
            #expect(foreign.status == 421)
            let local = try await sandbox.send("GET", "/", headers: [("Host", "localhost:80")])
            #expect(local.status == 200)
            for origin in ["https://evil.example", "null"] {
                let reply = try await sandbox.send("POST", "/_sandbox/tokens/expire", headers: [("Origin", origin)])
                #expect(reply.status == 403)
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1:80", true), ("localhost", true), ("[::1]:9", true), ("127.0.0.1.evil.example", false),
        ("localhost.evil", false), ("", false),
    ])
    func recognisesLoopbackAuthorities(authority: String, accepted: Bool) {
        #expect(HostGuard.isLoopback(authority) == accepted)
    }
}
