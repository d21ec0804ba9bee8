import Foundation
import PipelineKit
import Posting
import SpreaderTesting
import Testing
import TikTok
import TikTokSandbox
import UploadPlugin

/// Posts whose bytes TikTok fetches itself: one sandbox serves the file, another one pulls it.
@Suite(.serialized) struct PullTests {
    /// Puts the file of `video` at an address that a second sandbox may fetch from.
    private func withOrigin(
        _ video: TestVideo, isVerified: Bool = true, settings: String = "", rules: String = "",
        _ body: @escaping @Sendable (Sandbox, TestVideo) async throws -> Void
    ) async throws {
        try await Sandbox.run { (origin: Sandbox) async throws in
            let host = origin.host()
            let id = try await publish(try await upload(video, host), host).publishID
            let prefix = origin.endpoint.baseURL + "/_sandbox/media/"
            let faults = """
                {"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1, \
                "statusPerMinute": 1000, \
                "verifiedURLPrefixes": [\(isVerified ? "\"\(prefix)\"" : "")]\(settings)}, "rules": [\(rules)]}
                """
            try await Sandbox.run(faults: faults) { (sandbox: Sandbox) async throws in
                var served = video
                served.prepared.publicURL = prefix + id
                try await body(sandbox, served)
            }
        }
    }

    @Test(arguments: [PostMode.direct, .inbox]) func letsTikTokFetchTheFile(mode: PostMode) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video) { (sandbox, served) async throws in
            let host = sandbox.host(mode: mode)
            let post = try await publish(try await upload(served, host), host)
            #expect(post.status == (mode == .direct ? "PUBLISH_COMPLETE" : "SEND_TO_USER_INBOX"))
            #expect(try await sandbox.posts().map { $0["sha256"]?.stringValue } == [video.prepared.file.sha256])
            #expect(try await sandbox.sentRanges().isEmpty)
            #expect(host.ledger.history == [.reserved, .sending, .accepted, .uploaded, .published])
        }
    }

    @Test func sendsTheFileWhenToldSo() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video) { (sandbox, served) async throws in
            let host = sandbox.host()
            _ = try await publish(try await upload(served, host, source: .file), host)
            #expect(try await sandbox.sentRanges().count == 1)
        }
    }

    @Test func saysWhoseDomainIsNotVerified() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video, isVerified: false) { (sandbox, served) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in try await upload(served, host) }
            #expect(error?.message.contains("url_ownership_unverified") == true)
            #expect(error?.outcome == .invalidData)
            #expect(host.ledger.records.first?.state == .failed)
        }
    }

    @Test func looksForTheFileBeforeAnythingIsCreated() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video) { (sandbox, served) async throws in
            for (address, words) in [
                (served.prepared.publicURL.map { $0 + "-not" }, "returns HTTP 404"),
                ("http://127.0.0.1:1/clip.mp4", "could not be reached"),
                ("http://media.example.com/clip.mp4", "is not an https URL"),
                ("https://user@media.example.com/clip.mp4", "user"),
            ] {
                var other = served
                other.prepared.publicURL = address
                let host = sandbox.host()
                let error = await failure { [other] () throws(StageError) in try await upload(other, host) }
                #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            }
            #expect(try await sandbox.calls("/video/init/").isEmpty)
        }
    }

    @Test func aFileOfAnotherSizeIsNotPosted() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        let other = try await TestVideo(bytes: 1_100_000)
        defer {
            video.remove()
            other.remove()
        }
        try await withOrigin(video) { (sandbox, served) async throws in
            var changed = other
            changed.prepared.publicURL = served.prepared.publicURL
            let host = sandbox.host()
            let error = await failure { [changed] () throws(StageError) in try await upload(changed, host) }
            #expect(error?.message.contains("has 1000000 bytes, but the prepared file has 1100000") == true)
            #expect(try await sandbox.calls("/video/init/").isEmpty)
        }
    }

    @Test func aPullThatTakesTooLongIsCancelledAndLeavesNoDoubt() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video, settings: #", "pullSeconds": 600"#) { (sandbox, served) async throws in
            let host = sandbox.host()
            let uploaded = try await upload(served, host)
            let error = await failure { () throws(StageError) in try await publish(uploaded, host, wait: .seconds(1)) }
            #expect(error?.outcome == .unavailable, "\(String(describing: error))")
            #expect(error?.message.contains("cancelled; nothing was posted") == true)
            #expect(host.ledger.records.first?.state == .failed)
            #expect(try await sandbox.calls("/cancel/").count == 1)
        }
    }

    @Test func aPullThatCannotBeCancelledIsUnconfirmed() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let rule = """
            {"match": {"path": "/v2/post/publish/cancel/"}, "times": "always", "action": {"answer": {"status": 400, \
            "code": "publish_not_cancellable"}}}
            """
        try await withOrigin(video, settings: #", "pullSeconds": 600"#, rules: rule) { (sandbox, served) async throws in
            var host = sandbox.host()
            let uploaded = try await upload(served, host)
            host.clock = ManualClock().host
            let error = await failure { [host] () throws(StageError) in
                try await publish(uploaded, host, wait: .seconds(10))
            }
            #expect(error?.code == .unconfirmed, "\(String(describing: error))")
            #expect(host.ledger.records.first?.state == .unconfirmed)
        }
    }

    @Test func aFailedDownloadFailsThePost() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await withOrigin(video, settings: #", "failReason": "video_pull_failed""#) {
            (sandbox, served) async throws in
            let host = sandbox.host()
            let uploaded = try await upload(served, host)
            let error = await failure { () throws(StageError) in try await publish(uploaded, host) }
            #expect(error?.message.contains("video_pull_failed") == true)
            #expect(host.ledger.records.first?.state == .failed)
        }
    }
}
