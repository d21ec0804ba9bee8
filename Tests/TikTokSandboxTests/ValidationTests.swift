import Foundation
import Testing

@testable import TikTokSandbox

@Suite struct ValidationTests {
    @Test func limitsTheTitleInUTF16CodeUnits() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            // Each of these is one character and two UTF-16 code units.
            #expect(try await sandbox.initialize(1000, title: String(repeating: "👋", count: 1100)).code == "ok")
            let long = try await sandbox.initialize(1000, title: String(repeating: "👋", count: 1100) + "a")
            #expect(long.status == 400 && long.code == "invalid_params")
        }
    }

    @Test func unauditedAppRequiresAPrivateAccountAndSelfOnly() async throws {
        let code = "unaudited_client_can_only_post_to_private_accounts"
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            try await sandbox.setFaults(#"{"settings": {"appAudited": false, "accountPrivacy": "public"}}"#)
            let refused = try await sandbox.initialize(1000)
            #expect(refused.status == 403 && refused.code == code)
            #expect(try refused.json.objectValue?.keys.sorted() == ["error"])
            // Creator info still lists the account's own options.
            let options = try await sandbox.call("/v2/post/publish/creator_info/query/").json["data"]?[
                "privacy_level_options"]
            #expect(options == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
            try await sandbox.setFaults(#"{"settings": {"appAudited": false}}"#)
            #expect(try await sandbox.initialize(1000, privacy: "FOLLOWER_OF_CREATOR").code == code)
            #expect(try await sandbox.initialize(1000).code == "ok")
            #expect(try await sandbox.initialize(1000, mode: .inbox).code == "ok")
        }
    }

    @Test func rejectsPrivacyLevelsThatAreNotOffered() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            for level in ["PUBLIC_TO_EVERYONE", "EVERYBODY", ""] {
                let reply = try await sandbox.initialize(1000, privacy: level)
                #expect(reply.status == 403 && reply.code == "privacy_level_option_mismatch")
            }
        }
    }

    @Test func rejectsIncompleteBodies() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let path = "/v2/post/publish/video/init/"
            let source: SandboxJSON = [
                "source": "FILE_UPLOAD", "video_size": 1000, "chunk_size": 1000, "total_chunk_count": 1,
            ]
            let bare = try await sandbox.call(path, ["source_info": source])
            #expect(bare.status == 400 && bare.message == "The request post info is empty or incorrect")
            let info: SandboxJSON = ["privacy_level": "SELF_ONLY"]
            #expect(try await sandbox.call(path, ["post_info": info]).code == "invalid_params")
            #expect(try await sandbox.call(path, ["post_info": info, "source_info": source]).code == "ok")
            let pull: SandboxJSON = ["source": "PULL_FROM_URL", "video_url": "https://example.com/a.mp4"]
            #expect(
                try await sandbox.call(path, ["post_info": info, "source_info": pull]).code
                    == "url_ownership_unverified")
            let text = try await sandbox.send(
                "POST", path, headers: [("Authorization", "Bearer \(sandbox.endpoint.accessToken)")],
                body: Data("{".utf8))
            #expect(text.status == 400 && text.code == "invalid_params")
        }
    }

    @Test func rejectsTooLargeBodies() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let reply = try await sandbox.initialize(1000, title: String(repeating: "a", count: 1_100_000))
            #expect(reply.status == 413)
        }
    }

    @Test func checksTokenAndScope() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let none = try await sandbox.send("POST", "/v2/post/publish/video/init/", body: Data("{}".utf8))
            #expect(none.status == 401 && none.code == "access_token_invalid")
            #expect(try none.json["data"] == [:])
            #expect(try await sandbox.initialize(1000, token: "act.wrong").code == "access_token_invalid")
            let tokens = try await sandbox.consent(scopes: "user.info.basic,video.upload")
            let drafts = try #require(tokens["access_token"]?.stringValue)
            let refused = try await sandbox.initialize(1000, token: drafts)
            #expect(refused.status == 401 && refused.code == "scope_not_authorized")
            #expect(try await sandbox.initialize(1000, mode: .inbox, token: drafts).code == "ok")
            #expect(
                try await sandbox.call("/v2/post/publish/creator_info/query/", token: drafts).code
                    == "scope_not_authorized")
        }
    }

    @Test func limitsRatesWithSlidingWindows() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            for _ in 0..<6 {
                #expect(try await sandbox.initialize(1000).code == "ok")
                sandbox.clock.advance(5)
            }
            let refused = try await sandbox.initialize(1000)
            #expect(
                refused.status == 429 && refused.code == "rate_limit_exceeded" && refused.headers["retry-after"] == nil)
            sandbox.clock.advance(31)
            #expect(try await sandbox.initialize(1000).code == "ok")
            #expect(try await sandbox.initialize(1000).code == "rate_limit_exceeded")
            for turn in 0..<21 {
                let code = try await sandbox.call("/v2/post/publish/creator_info/query/").code
                #expect(code == (turn < 20 ? "ok" : "rate_limit_exceeded"))
            }
            for turn in 0..<31 {
                let code = try await sandbox.call("/v2/post/publish/status/fetch/", ["publish_id": "x"]).code
                #expect(code == (turn < 30 ? "invalid_publish_id" : "rate_limit_exceeded"))
            }
        }
    }

    @Test func creatorInfoReportsErrorsWithStatus200() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let info = try #require(try await sandbox.call("/v2/post/publish/creator_info/query/").json["data"])
            #expect(info["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
            #expect(info["max_video_post_duration_sec"] == 600 && info["duet_disabled"] == true)
            try await sandbox.setFaults(#"{"settings": {"creatorInfoError": "reached_active_user_cap"}}"#)
            let capped = try await sandbox.call("/v2/post/publish/creator_info/query/")
            #expect(capped.status == 200 && capped.code == "reached_active_user_cap")
        }
    }

    @Test func limitsPostsPerDay() async throws {
        try await withSandbox(faults: #"{"settings": {"postsPerDay": 1}}"#) { (sandbox: SandboxHarness) async throws in
            _ = try await sandbox.post(TestMovie().data)
            let refused = try await sandbox.initialize(1000)
            #expect(refused.status == 403 && refused.code == "spam_risk_too_many_posts")
            let info = try await sandbox.call("/v2/post/publish/creator_info/query/")
            #expect(info.status == 200 && info.code == "spam_risk_too_many_posts")
            sandbox.clock.advance(86_401)
            #expect(try await sandbox.initialize(1000, token: try await sandbox.refreshedAccessToken()).code == "ok")
        }
    }

    @Test func limitsActiveUsersPerDay() async throws {
        try await withSandbox(faults: #"{"settings": {"activeUsersPerDay": 1}}"#) { (sandbox: SandboxHarness) in
            _ = try await sandbox.post(TestMovie().data)
            // The same user can post again; another one would exceed the app's quota, as creator info reports, too.
            _ = try await sandbox.post(TestMovie().data)
            try await sandbox.setFaults(
                #"{"settings": {"activeUsersPerDay": 1, "accountOpenID": "-000other", "autoApprove": true}}"#)
            let other = try #require(try await sandbox.consent()["access_token"]?.stringValue)
            let info = try await sandbox.call("/v2/post/publish/creator_info/query/", token: other)
            #expect(info.status == 200)
            #expect(info.code == "reached_active_user_cap")
            let refused = try await sandbox.initialize(1000, token: other)
            #expect(refused.status == 403)
            #expect(refused.code == "reached_active_user_cap")
            sandbox.clock.advance(86_401)
            let later = try #require(try await sandbox.consent()["access_token"]?.stringValue)
            #expect(try await sandbox.initialize(1000, token: later).code == "ok")
        }
    }

    @Test func limitsPendingDrafts() async throws {
        try await withSandbox(faults: #"{"settings": {"pendingInboxShares": 1}}"#) {
            (sandbox: SandboxHarness) async throws in
            let id = try await sandbox.post(TestMovie().data, mode: .inbox)
            let draft = try await sandbox.finished(id)
            #expect(
                draft["status"] == "SEND_TO_USER_INBOX" && draft["title"] == nil && id.hasPrefix("v_inbox_file~v2."))
            let refused = try await sandbox.initialize(1000, mode: .inbox)
            #expect(refused.status == 403 && refused.code == "spam_risk_too_many_pending_share")
            #expect(try await sandbox.send("POST", "/_sandbox/posts/\(id)/finish").status == 303)
            #expect(try await sandbox.status(id)["status"] == "PUBLISH_COMPLETE")
            #expect(try await sandbox.initialize(1000, mode: .inbox).code == "ok")
        }
    }

    @Test func rejectsCancellingAnUpload() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let id = try #require(try await sandbox.initialize(1000).json["data"]?["publish_id"])
            let reply = try await sandbox.call("/v2/post/publish/cancel/", ["publish_id": id])
            #expect(reply.status == 400 && reply.code == "publish_not_cancellable")
            #expect(
                try await sandbox.call("/v2/post/publish/cancel/", ["publish_id": "x"]).code == "invalid_publish_id")
        }
    }

    @Test func requiresTheTrailingSlash() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            #expect(try await sandbox.call("/v2/post/publish/video/init").status == 404)
            #expect(try await sandbox.call("/v2/post/publish/nothing/").status == 404)
        }
    }

    @Test func userInfoChecksTheScopeOfEachField() async throws {
        try await withSandbox { (sandbox: SandboxHarness) async throws in
            let bearer = [("Authorization", "Bearer \(sandbox.endpoint.accessToken)")]
            let reply = try await sandbox.send("GET", "/v2/user/info/?fields=open_id,display_name", headers: bearer)
            #expect(try reply.json["data"]?["user"]?["display_name"] == "Sandbox Creator")
            let tokens = try await sandbox.consent(scopes: "user.info.basic")
            let basic = [("Authorization", "Bearer \(tokens["access_token"]?.stringValue ?? "")")]
            #expect(
                try await sandbox.send("GET", "/v2/user/info/?fields=username", headers: basic).code
                    == "scope_not_authorized")
        }
    }
}
