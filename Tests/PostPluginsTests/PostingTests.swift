import Foundation
import PipelineKit
import Posting
import SpreaderTesting
import Testing
import TikTok
import TikTokSandbox

@testable import UploadPlugin

/// Upload and publish over real HTTP against the sandbox.
@Suite(.serialized) struct PostingTests {
    let threeChunks = 16_000_001

    @Test func postsAFileInOneChunk() async throws {
        let video = try await TestVideo(bytes: 3_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let uploaded = try await upload(video, host)
            let post = try await publish(uploaded, host)
            #expect(post.status == "PUBLISH_COMPLETE")
            #expect(post.url == "\(sandbox.endpoint.baseURL)/#\(post.publishID)")
            #expect(host.ledger.history == [.reserved, .sending, .accepted, .uploaded, .published])
            let posts = try await sandbox.posts()
            #expect(posts.count == 1)
            #expect(posts.first?["sha256"]?.stringValue == video.prepared.file.sha256)
            #expect(posts.first?["title"] == "A clip")
            #expect(posts.first?["privacyLevel"] == "SELF_ONLY")
            #expect(uploaded.username == "sandbox.creator")
            #expect(Set(host.permits.taken.map(\.name)).isSuperset(of: ["creator_info", "init", "uploads", "status"]))
        }
    }

    @Test func postsAFileInThreeChunksInOrder() async throws {
        let video = try await TestVideo(bytes: threeChunks)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            _ = try await publish(try await upload(video, host), host)
            #expect(
                try await sandbox.acceptedRanges()
                    == [
                        "bytes 0-5333332/16000001", "bytes 5333333-10666665/16000001",
                        "bytes 10666666-16000000/16000001",
                    ]
            )
            #expect(try await sandbox.posts().first?["sha256"]?.stringValue == video.prepared.file.sha256)
            let fractions = host.progress.values.map(\.fraction)
            #expect(fractions.contains { $0 > 0.3 && $0 < 0.4 })
            #expect(fractions.contains(1))
        }
    }

    @Test func deliversADraftToTheInboxWithoutAskingForTheCreatorsLimits() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host(mode: .inbox)
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "SEND_TO_USER_INBOX")
            #expect(post.mode == .inbox)
            #expect(try await sandbox.calls("/creator_info/query/").isEmpty)
            #expect(try await sandbox.calls("/inbox/video/init/").count == 1)
        }
    }

    @Test(arguments: [
        (PostMode.direct, "/creator_info/query/", "spam_risk_too_many_posts", "posts"),
        (.direct, "/v2/post/publish/video/init/", "spam_risk_too_many_posts", "posts"),
        (.inbox, "/inbox/video/init/", "spam_risk_too_many_pending_share", "drafts"),
    ])
    func learnsACapFromARefusal(mode: PostMode, path: String, code: String, limit: String) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let full = path.hasPrefix("/v2") ? path : "/v2/post/publish" + path
        let faults =
            #"{"rules": [{"match": {"path": "\#(full)"}, "action": {"answer": {"status": 403, "code": "\#(code)"}}}]}"#
        try await Sandbox.run(faults: faults) { (sandbox: Sandbox) async throws in
            let host = sandbox.host(mode: mode)
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome == .tryLater)
            #expect(host.permits.refused == [limit])
        }
    }

    @Test func doesNotBeginWhatTheLineCannotEnd() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            try await host.ledger.note(uploadRate: 250, to: sandbox.endpoint.baseURL)
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.message.contains("the upload was not started") == true)
            #expect(host.ledger.records.first?.state == .reserved)
            #expect(try await sandbox.log().isEmpty)
            try await host.ledger.note(uploadRate: 2500, to: sandbox.endpoint.baseURL)
            _ = try await publish(try await upload(video, host), host)
        }
    }

    @Test func sendsToAnUploadHostThatIsNotTheAPIs() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults: #"{"settings": {"processingSeconds": 0.1, "uploadHost": "localhost"}}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            #expect(try await publish(try await upload(video, host), host).status == "PUBLISH_COMPLETE")
        }
    }

    @Test func aFinishedPostSendsNothingAgain() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let first = try await publish(try await upload(video, host), host)
            let count = try await sandbox.log().count
            let uploaded = try await upload(video, host)
            let second = try await publish(uploaded, host)
            #expect(second == first)
            #expect(try await sandbox.log().count == count)
        }
    }

    @Test(arguments: [(nil, 1500), (Duration.seconds(0.4), 400)] as [(Duration?, Int64)])
    func sendsTheCoverThatWasPickedUnlessThePostHasOne(own: Duration?, sent: Int64) async throws {
        let video = try await TestVideo(bytes: 1_000_000, coverTime: 1.5)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            var host = sandbox.host()
            host.post.cover = own
            _ = try await upload(video, host)
            #expect(try await sandbox.posts().first?["coverTimestampMs"]?.integerValue == sent)
        }
    }

    @Test func aPublicPostGetsItsID() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults: #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0, "accountPrivacy": "public"}}"#
        ) { (sandbox: Sandbox) async throws in
            var host = sandbox.host()
            host.post.privacyLevel = .publicToEveryone
            let post = try await publish(try await upload(video, host), host)
            #expect(post.postIDs.count == 1)
            #expect(post.postIDs.first.map { $0 > 1 << 53 } == true)
        }
    }

    // MARK: Chunks that do not get through

    @Test(
        arguments: [
            #"{"answer": {"status": 503}}"#, #"{"answer": {"status": 502, "handled": true}}"#, #"{"drop": "before"}"#,
            #"{"drop": {"afterBytes": 700000}}"#, #"{"drop": "after"}"#, #"{"halfBody": true}"#,
        ], [1, 2, 3])
    func survivesATroubledChunk(action: String, chunk: Int) async throws {
        let video = try await TestVideo(bytes: threeChunks)
        defer { video.remove() }
        let faults =
            #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1}, "rules": [{"match": {"path": "/upload/", "chunk": \#(chunk)}, "action": \#(action)}]}"#
        try await Sandbox.run(faults: faults) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "PUBLISH_COMPLETE")
            let posts = try await sandbox.posts()
            #expect(posts.count == 1)
            #expect(posts.first?["sha256"]?.stringValue == video.prepared.file.sha256)
            #expect(try await sandbox.calls("/video/init/").count == 1)
            // Only the troubled chunk may be sent twice.
            let counts = Dictionary(grouping: try await sandbox.sentRanges(), by: { $0 }).mapValues(\.count)
            #expect(counts.count == 3)
            #expect(counts.values.filter { $0 > 1 }.count <= 1)
            #expect(counts.values.allSatisfy { $0 <= 2 })
        }
    }

    @Test func aHostThatStaysDownLeavesThePostResumable() async throws {
        let video = try await TestVideo(bytes: threeChunks)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"rules": [{"match": {"path": "/upload/", "chunk": 2}, "times": "always", "action": {"answer": {"status": 503}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome == .unavailable)
            #expect(error?.recovery == .transient(after: nil))
            #expect(host.ledger.records.first?.state == .accepted)
            try await sandbox.setFaults(#"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1}}"#)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.calls("/video/init/").count == 1)
            let ranges = try await sandbox.acceptedRanges()
            #expect(ranges.count == 3)
            #expect(Set(ranges).count == 3)
            #expect(try await sandbox.posts().count == 1)
        }
    }

    // MARK: The creating request

    @Test(arguments: [
        #"{"drop": "after"}"#, #"{"drop": "before"}"#, #"{"garbage": true}"#, #"{"halfBody": true}"#,
        #"{"answer": {"status": 500, "code": "internal_error"}}"#, #"{"answer": {"status": 502, "handled": true}}"#,
        #"{"answer": {"status": 200, "code": "internal_error"}}"#,
    ])
    func anInitWithoutAnAnswerIsNeverRepeated(action: String) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let faults = #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": \#(action)}]}"#
        try await Sandbox.run(faults: faults) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            for _ in 1...2 {
                let error = await failure { () throws(StageError) in try await upload(video, host) }
                #expect(error?.code == .unconfirmed)
                #expect(error?.recovery == .ambiguous)
                #expect(error?.outcome == .failed)
                #expect(error?.message.contains("unconfirmed") == true)
                #expect(error?.message.contains("post-1") == true)
            }
            #expect(host.ledger.history == [.reserved, .sending, .unconfirmed])
            #expect(try await sandbox.calls("/video/init/").count == 1)
            #expect(try await sandbox.sentRanges().isEmpty)
        }
    }

    @Test func anAPIThatCannotBeReachedIsCertainAndMayBeTriedAgain() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        let host = InMemoryHost(settings: ["TIKTOK_API_BASE_URL": "http://127.0.0.1:1"])
        let error = await failure { () throws(StageError) in try await upload(video, host) }
        #expect(error?.outcome == .unavailable)
        #expect(error?.recovery == .transient(after: nil))
        #expect(host.ledger.records.first?.state == .reserved)
    }

    @Test func aCrashBetweenRequestAndAnswerIsForAPersonToDecide() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            host.ledger.put(
                PostRecord(
                    id: "post-7", key: host.postKey, state: .sending, asset: "a", runID: "r", updatedAt: Date()))
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.code == .unconfirmed)
            #expect(error?.message.contains("post-7") == true)
            #expect(host.ledger.records.first?.state == .unconfirmed)
            #expect(try await sandbox.log().isEmpty)
        }
    }

    @Test func aRateLimitIsADefiniteRefusal() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 429, "code": "rate_limit_exceeded", "headers": {"Retry-After": "3"}}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.recovery == .limited(after: 3))
            #expect(error?.outcome == .tryLater)
            #expect(host.ledger.records.first?.state == .failed)
            _ = try await upload(video, host)
            #expect(host.ledger.records.first?.state == .uploaded)
        }
    }

    @Test(arguments: [
        ("spam_risk_too_many_posts", 75), ("spam_risk_user_banned_from_posting", 77), ("reached_active_user_cap", 75),
    ])
    func aRefusalWithHTTP200StopsBeforeTheInit(code: String, exit: Int) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(faults: #"{"settings": {"creatorInfoError": "\#(code)"}}"#) {
            (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome.rawValue == exit)
            #expect(error?.message.contains(code) == true)
            #expect(try await sandbox.calls("/video/init/").isEmpty)
        }
    }

    @Test(arguments: [
        (403, "unaudited_client_can_only_post_to_private_accounts", 77), (403, "spam_risk_too_many_posts", 75),
        (403, "privacy_level_option_mismatch", 65), (400, "invalid_params", 65), (401, "scope_not_authorized", 77),
    ])
    func aRefusedInitPostsNothingAndSaysWhy(status: Int, code: String, exit: Int) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": \#(status), "code": "\#(code)"}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome.rawValue == exit)
            #expect(error?.message.contains(code) == true)
            #expect(host.ledger.records.first?.state == .failed)
            #expect(host.ledger.records.first?.reason?.contains(code) == true)
        }
    }

    @Test func renewsARefusedTokenOnce() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.hostWithStaleToken
            _ = try await upload(video, host)
            #expect(host.credentials.renewals == 1)
            #expect(try await sandbox.calls("/video/init/").count == 1)
        }
    }

    @Test func aTokenThatEndsRightBeforeTheInitIsRenewedAndTheInitSentAgain() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"answer": {"status": 401, "code": "access_token_invalid"}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = InMemoryHost(
                accessTokens: [sandbox.endpoint.accessToken, sandbox.endpoint.accessToken],
                settings: ["TIKTOK_API_BASE_URL": sandbox.endpoint.baseURL])
            _ = try await upload(video, host)
            #expect(host.credentials.renewals == 1)
            #expect(
                host.ledger.history == [.reserved, .sending, .failed, .reserved, .sending, .accepted, .uploaded])
        }
    }

    @Test func aTokenThatStaysRefusedIsNotAuthorised() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = InMemoryHost(
                accessTokens: ["act.one", "act.two"], settings: ["TIKTOK_API_BASE_URL": sandbox.endpoint.baseURL])
            let error = await failure { () throws(StageError) in try await upload(video, host) }
            #expect(error?.outcome == .notAuthorised)
            #expect(try await sandbox.calls("/video/init/").isEmpty)
        }
    }

    // MARK: Resuming

    @Test func goesOnAtTheNextMissingByteAfterACrash() async throws {
        let video = try await TestVideo(bytes: threeChunks)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            try await stop(video, host, afterFraction: 0.45)
            #expect(host.ledger.records.first?.state == .accepted)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.calls("/video/init/").count == 1)
            let accepted = try await sandbox.acceptedRanges()
            #expect(accepted.count == 3)
            #expect(Set(accepted).count == 3)
            let sent = try await sandbox.sentRanges()
            #expect(sent.filter { $0.hasPrefix("bytes 0-") }.count == 1)
            #expect(try await sandbox.posts().first?["sha256"]?.stringValue == video.prepared.file.sha256)
        }
    }

    @Test func anotherFileWaitsWhileTheUploadOfTheFirstIsOpen() async throws {
        let video = try await TestVideo(bytes: threeChunks)
        let other = try await TestVideo(bytes: threeChunks + 17)
        defer {
            video.remove()
            other.remove()
        }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            try await stop(video, host, afterFraction: 0.45)
            await #expect {
                _ = try await upload(other, host)
            } throws: { error in
                (error as? StageError)?.outcome == .tryLater
            }
            // The first file can still be finished, and is the one post.
            _ = try await publish(try await upload(video, host), host)
            let posts = try await sandbox.posts()
            #expect(posts.count == 1)
            #expect(posts.first?["sha256"]?.stringValue == video.prepared.file.sha256)
            #expect(try await sandbox.calls("/video/init/").count == 1)
        }
    }

    @Test func anExpiredAddressBeginsAnewWithinTheSameRun() async throws {
        let video = try await TestVideo(bytes: threeChunks)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1}, "rules": [{"match": {"path": "/upload/", "chunk": 2}, "action": {"answer": {"status": 403}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "PUBLISH_COMPLETE")
            #expect(try await sandbox.calls("/video/init/").count == 2)
            #expect(try await sandbox.posts().count == 1)
            #expect(
                host.ledger.history == [
                    .reserved, .sending, .accepted, .failed, .reserved, .sending, .accepted, .uploaded, .published,
                ])
        }
    }

    @Test func bytesThatAllArrivedBeforeACrashAreNotSentAgain() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            _ = try await upload(video, host)
            // As a crash before the last record would have left it.
            var record = try #require(host.ledger.records.first)
            record.state = .accepted
            host.ledger.put(record)
            _ = try await publish(try await upload(video, host), host)
            #expect(try await sandbox.sentRanges().count == 1)
            #expect(try await sandbox.posts().count == 1)
        }
    }

    /// Uploads until `fraction` has left, then stops as Ctrl-C does.
    private func stop(_ video: TestVideo, _ host: InMemoryHost, afterFraction fraction: Double) async throws {
        let input = try await chunked(video)
        var options = Upload.Options()
        // Slow enough to be caught in the middle; the clock of the pace is real.
        options.bandwidth = BitRate(40_000_000)
        var slow = host
        slow.clock = .system
        let context = slow.context(stage: "upload")
        let stage = try Upload(options: options)
        let task = Task { try await stage.run(input, context) }
        while !host.progress.values.contains(where: { $0.fraction > fraction }) {
            try await Task.sleep(for: .milliseconds(10))
        }
        task.cancel()
        let error = await failure { () throws(StageError) in
            switch await task.result {
            case .success(let value): return value
            case .failure(let error): throw error as? StageError ?? StageError(.internalFault, "\(error)")
            }
        }
        #expect(error?.code == .cancelled)
    }

    @Test func stoppingDuringTheInitWaitsForItsAnswer() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"settings": {"processingSeconds": 0.1, "moderationSeconds": 0.1}, "rules": [{"match": {"path": "/v2/post/publish/video/init/"}, "action": {"delay": 0.5}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let task = Task { await failure { () throws(StageError) in try await upload(video, host) } }
            while !host.ledger.history.contains(.sending) { try await Task.sleep(for: .milliseconds(5)) }
            task.cancel()
            #expect(await task.value?.code == .cancelled)
            #expect(host.ledger.records.first?.state == .accepted)
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "PUBLISH_COMPLETE")
            #expect(try await sandbox.calls("/video/init/").count == 1)
        }
    }

    // MARK: The end

    @Test(arguments: [(300, 1920, 30, "picture_size_check_failed"), (1080, 1920, 12, "frame_rate_check_failed")])
    func aVideoThatTikTokRefusesNeedsAnother(width: Int, height: Int, rate: Int, reason: String) async throws {
        let video = try await TestVideo(
            bytes: 1_000_000, width: UInt16(width), height: UInt16(height), frameRate: UInt32(rate))
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = await failure { () throws(StageError) in
                let uploaded = try await upload(video, host)
                _ = try await publish(uploaded, host)
            }
            #expect(error?.outcome == .invalidData)
            #expect(error?.message.contains(reason) == true)
            #expect(host.ledger.records.first?.state == .failed)
            #expect(host.ledger.records.first?.reason == reason)
        }
    }

    @Test func aPostThatNeverEndsIsUnconfirmed() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(faults: #"{"settings": {"stuckStatus": "PROCESSING_UPLOAD"}}"#) {
            (sandbox: Sandbox) async throws in
            var host = sandbox.host()
            let uploaded = try await upload(video, host)
            host.clock = ManualClock().host
            let error = await failure { [host] () throws(StageError) in
                try await publish(uploaded, host, wait: .seconds(20))
            }
            #expect(error?.code == .unconfirmed)
            #expect(error?.outcome == .failed)
            #expect(host.ledger.records.first?.state == .unconfirmed)
            #expect(try await sandbox.calls("/video/init/").count == 1)

            // Still no word: still unconfirmed.
            let again = await failure { [host] () throws(StageError) in try await upload(video, host) }
            #expect(again?.code == .unconfirmed)
            // The service's word, once there is one, settles it; nothing is sent.
            try await sandbox.setFaults(#"{"settings": {"processingSeconds": 0, "moderationSeconds": 0}}"#)
            while try await sandbox.posts().first?["status"]?.stringValue != "PUBLISH_COMPLETE" {
                try await Task.sleep(for: .milliseconds(10))
            }
            let post = try await publish(try await upload(video, host), host)
            #expect(post.status == "PUBLISH_COMPLETE")
            #expect(host.ledger.records.first?.state == .published)
            #expect(try await sandbox.sentRanges().count == 1)
        }
    }

    @Test func noSecretShowsInErrorsOrReasons() async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run(
            faults:
                #"{"rules": [{"match": {"path": "/upload/"}, "times": "always", "action": {"answer": {"status": 400}}}]}"#
        ) { (sandbox: Sandbox) async throws in
            let host = sandbox.host()
            let error = try #require(await failure { () throws(StageError) in try await upload(video, host) })
            let shown = "\(error) \(error.cause ?? "") \(host.ledger.records)"
            #expect(!shown.contains("upload_token"))
            #expect(!shown.contains(sandbox.endpoint.accessToken))
            #expect(host.ledger.records.first?.state == .failed)
        }
    }
}
