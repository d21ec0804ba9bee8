import Foundation
import PipelineKit
import Posting
import SpreaderTesting
import Testing
import TikTok
import TikTokSandbox

/// The multipart dialect over real HTTP: parts first, then one call that posts them.
@Suite(.serialized) struct MultipartTests {
    private let threeParts = 16_000_001

    private func host(_ sandbox: Sandbox, mode: PostMode = .direct) -> InMemoryHost {
        var host = sandbox.host(mode: mode)
        host.settings["TIKTOK_API"] = "multipart"
        return host
    }

    private func faults(_ rules: String) -> String {
        #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1, "initPerMinute": 1000}, "rules": [\#(rules)]}"#
    }

    @Test func sendsPartsPutsThemTogetherAndPosts() async throws {
        let video = try await TestVideo(bytes: threeParts)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "PUBLISH_COMPLETE")
            #expect(host.ledger.history == [.reserved, .sending, .accepted, .uploaded, .published])
            #expect(try await sandbox.posts().map { $0["sha256"]?.stringValue } == [video.prepared.file.sha256])
            #expect(try await sandbox.posts().first?["title"] == "A clip")
            #expect(try await sandbox.calls("/video/upload/init/").count == 1)
            #expect(try await sandbox.calls("/video/upload/part/").count == 3)
            #expect(try await sandbox.calls("/video/upload/complete/").count == 1)
            #expect(try await sandbox.calls("/post/publish/direct/").count == 1)
            #expect(try await sandbox.calls("/video/init/").isEmpty)
            #expect(host.permits.taken.filter { $0.name == "uploads" }.count == 1)
            #expect(host.progress.values.map(\.fraction).contains(1))
        }
    }

    @Test(
        arguments: [
            #"{"answer": {"status": 503}}"#, #"{"answer": {"status": 502, "handled": true}}"#, #"{"drop": "before"}"#,
            #"{"drop": {"afterBytes": 700000}}"#, #"{"drop": "after"}"#, #"{"halfBody": true}"#, #"{"garbage": true}"#,
        ])
    func survivesATroubledPart(action: String) async throws {
        let video = try await TestVideo(bytes: threeParts)
        defer { video.remove() }
        let rule = #"{"match": {"path": "/video/upload/part/", "chunk": 2}, "action": \#(action)}"#
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.posts().map { $0["sha256"]?.stringValue } == [video.prepared.file.sha256])
            #expect(try await sandbox.calls("/video/upload/part/").count == 4)
        }
    }

    @Test(arguments: ["/video/upload/init/", "/video/upload/complete/"])
    func repeatsWhatMakesNoPost(path: String) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let rule = #"{"match": {"path": "\#(path)"}, "times": 2, "action": {"drop": "after"}}"#
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.posts().count == 1)
            #expect(try await sandbox.calls(path).count == 3)
        }
    }

    @Test(arguments: [#"{"drop": "after"}"#, #"{"garbage": true}"#, #"{"answer": {"status": 500}}"#])
    func neverRepeatsThePublishingCall(action: String) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let rule = #"{"match": {"path": "/post/publish/direct/"}, "action": \#(action)}"#
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            for _ in 0..<2 {
                let error = await failure { () throws(StageError) in try await upload(video, host) }
                #expect(error?.code == .unconfirmed)
            }
            #expect(try await sandbox.calls("/post/publish/direct/").count == 1)
            #expect(host.ledger.records.first?.state == .unconfirmed)
        }
    }

    @Test func goesOnWithThePartsThatAreMissing() async throws {
        let video = try await TestVideo(bytes: threeParts)
        defer { video.remove() }
        let rule = #"{"match": {"path": "/video/upload/part/", "chunk": 3}, "times": 6, "action": {"drop": "before"}}"#
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome == .unavailable)
            #expect(host.ledger.records.first?.state == .reserved)
            // A later attempt with the same notes sends the third part alone.
            let before = try await sandbox.calls("/video/upload/part/").count
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.calls("/video/upload/part/").count == before + 1)
            #expect(try await sandbox.calls("/video/upload/init/").count == 1)
            #expect(try await sandbox.posts().map { $0["sha256"]?.stringValue } == [video.prepared.file.sha256])
        }
    }

    @Test func beginsAnewWhenTheServiceForgotTheUpload() async throws {
        let video = try await TestVideo(bytes: threeParts)
        defer { video.remove() }
        let rule = """
            {"match": {"path": "/video/upload/part/", "chunk": 3}, "times": 1, "action": {"answer": {"status": 400, \
            "code": "invalid_params", "message": "The upload_id does not exist"}}}
            """
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.calls("/video/upload/init/").count == 2)
            #expect(try await sandbox.posts().count == 1)
        }
    }

    @Test func aVideoThatIsRefusedOrSpentIsSentAnew() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let settings = #""processingSeconds": 0.1, "initPerMinute": 1000, "multipartVideosAreSpent": true"#
        let refusal = """
            {"match": {"path": "/post/publish/direct/"}, "action": {"answer": {"status": 400, \
            "code": "invalid_params", "message": "The video_id does not exist"}}}
            """
        try await Sandbox.run(faults: #"{"settings": {\#(settings)}, "rules": [\#(refusal)]}"#) {
            (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome == .invalidData)
            // The post that TikTok gave up has used its video up.
            try await sandbox.setFaults(#"{"settings": {\#(settings), "failReason": "internal"}}"#)
            let uploaded = try await upload(video, host)
            let failed = await failure { () throws(StageError) in try await publish(uploaded, host) }
            #expect(failed?.message.contains("internal") == true)
            try await sandbox.setFaults(#"{"settings": {\#(settings)}}"#)
            #expect(try await publish(try await upload(video, host), host).status == "PUBLISH_COMPLETE")
            #expect(try await sandbox.calls("/video/upload/init/").count == 3)
        }
    }

    @Test func anAcceptedPostWithoutAnAddressHasNothingMoreToSend() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = host(sandbox)
            let first = try await publish(try await upload(video, host), host)
            // As a run leaves it that died right after TikTok's answer.
            var record = try #require(host.ledger.records.first)
            record.state = .accepted
            host.ledger.put(record)
            let before = try await sandbox.log().count
            #expect(try await upload(video, host).publishID == first.publishID)
            #expect(try await sandbox.log().count == before)
            #expect(try await publish(try await upload(video, host), host).publishID == first.publishID)
            #expect(try await sandbox.posts().count == 1)
        }
    }

    @Test func renewsATokenThatIsRefusedBetweenParts() async throws {
        let video = try await TestVideo(bytes: threeParts)
        defer { video.remove() }
        let rule = """
            {"match": {"path": "/video/upload/part/", "chunk": 2}, "action": {"answer": {"status": 401, \
            "code": "access_token_invalid"}}}
            """
        try await Sandbox.run(faults: faults(rule)) { (sandbox: Sandbox) async throws in
            var host = InMemoryHost(
                accessTokens: [sandbox.endpoint.accessToken, sandbox.endpoint.accessToken],
                settings: ["TIKTOK_API_BASE_URL": sandbox.endpoint.baseURL, "TIKTOK_API": "multipart"])
            host.post.title = "Renewed"
            _ = try await publish(try await upload(video, host), host)
            #expect(host.credentials.renewals == 1)
            #expect(try await sandbox.posts().count == 1)
        }
    }

    @Test func knowsNoDraftsAndNoLongVideos() async throws {
        let video = try await TestVideo(bytes: 1_000_000, duration: 61)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let long = await failure { () throws(StageError) in try await upload(video, host(sandbox)) }
            #expect(long?.code == .overLimit)
            #expect(long?.outcome == .invalidData)
            let draft = await failure { () throws(StageError) in try await upload(video, host(sandbox, mode: .inbox)) }
            #expect(draft?.code == .invalidOption)
            #expect(try await sandbox.log().isEmpty)
        }
    }
}
