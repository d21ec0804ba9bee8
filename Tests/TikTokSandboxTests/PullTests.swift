import Foundation
import Testing

@testable import TikTokSandbox

/// `PULL_FROM_URL`: the sandbox fetches the video itself. Another sandbox's feed serves it.
@Suite struct PullTests {
    private func pull(in sandbox: SandboxHarness, from url: String, mode: PublishMode = .direct) async throws -> Reply {
        var body: [String: SandboxJSON] = ["source_info": ["source": "PULL_FROM_URL", "video_url": .string(url)]]
        if mode == .direct { body["post_info"] = ["title": "A title", "privacy_level": "SELF_ONLY"] }
        return try await sandbox.call(
            mode == .direct ? "/v2/post/publish/video/init/" : "/v2/post/publish/inbox/video/init/", .object(body))
    }

    /// Runs two sandboxes: the first has a video at an address, the second may fetch from there.
    private func withOrigin(
        _ settings: String = "", _ body: @escaping @Sendable (SandboxHarness, String, Data) async throws -> Void
    ) async throws {
        try await withSandbox { (origin: SandboxHarness) in
            let movie = TestMovie().data
            let id = try await origin.post(movie)
            _ = try await origin.finished(id)
            let prefix = origin.endpoint.baseURL + "/_sandbox/media/"
            try await withSandbox(
                faults: #"{"settings": {"verifiedURLPrefixes": ["\#(prefix)"]\#(settings)}}"#
            ) { (sandbox: SandboxHarness) in
                try await body(sandbox, prefix + id, movie)
            }
        }
    }

    @Test(arguments: [PublishMode.direct, .inbox]) func fetchesAVideoFromAVerifiedPrefix(mode: PublishMode) async throws
    {
        try await withOrigin { sandbox, url, movie in
            let reply = try await pull(in: sandbox, from: url, mode: mode)
            let data = try #require(try reply.json["data"], "\(reply.text)")
            #expect(data["upload_url"] == nil)
            let id = try #require(data["publish_id"]?.stringValue)
            #expect(id.hasPrefix(mode == .direct ? "v_pub_url~v2." : "v_inbox_url~v2."))
            try await waitUntil { try await sandbox.status(id)["downloaded_bytes"] == .integer(Int64(movie.count)) }
            let post = try await sandbox.finished(id)
            #expect(post["sha256"]?.stringValue == sha256(movie))
            #expect(
                try await sandbox.status(id)["status"]?.stringValue
                    == (mode == .direct ? "PUBLISH_COMPLETE" : "SEND_TO_USER_INBOX"))
        }
    }

    @Test func rejectsAnUnverifiedURL() async throws {
        try await withOrigin { sandbox, url, _ in
            let reply = try await pull(in: sandbox, from: url.replacingOccurrences(of: "127.0.0.1", with: "localhost"))
            #expect(reply.status == 403)
            #expect(reply.code == "url_ownership_unverified")
        }
    }

    @Test func failsThePostIfTheVideoIsMissing() async throws {
        try await withOrigin { sandbox, url, _ in
            let data = try #require(try await pull(in: sandbox, from: url + "-not").json["data"])
            let id = try #require(data["publish_id"]?.stringValue)
            try await waitUntil { try await sandbox.status(id)["status"]?.stringValue == "FAILED" }
            #expect(try await sandbox.status(id)["fail_reason"]?.stringValue == "video_pull_failed")
        }
    }

    @Test func cancelsAPendingPullOnlyOnce() async throws {
        try await withOrigin(#", "pullSeconds": 60"#) { sandbox, url, _ in
            let data = try #require(try await pull(in: sandbox, from: url).json["data"])
            let id = try #require(data["publish_id"]?.stringValue)
            #expect(try await sandbox.status(id)["status"]?.stringValue == "PROCESSING_DOWNLOAD")
            #expect(try await sandbox.call("/v2/post/publish/cancel/", ["publish_id": .string(id)]).code == "ok")
            let status = try await sandbox.status(id)
            #expect(status["status"]?.stringValue == "FAILED")
            #expect(status["fail_reason"]?.stringValue == "publish_cancelled")
            let again = try await sandbox.call("/v2/post/publish/cancel/", ["publish_id": .string(id)])
            #expect(again.status == 400)
            #expect(again.code == "publish_not_cancellable")
        }
    }

    @Test func acceptsOnlyLocalURLPrefixes() async throws {
        try await withSandbox { (sandbox: SandboxHarness) in
            let body = Data(#"{"settings": {"verifiedURLPrefixes": ["https://example.com/videos/"]}}"#.utf8)
            let reply = try await sandbox.send("PUT", "/_sandbox/faults", body: body)
            #expect(reply.status == 400)
        }
    }
}
