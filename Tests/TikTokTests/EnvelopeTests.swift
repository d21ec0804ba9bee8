import Foundation
import PipelineKit
import Testing

@testable import TikTok

@Suite struct EnvelopeTests {
    func client(_ steps: ScriptedTransport.Step...) throws -> (TikTokClient, ScriptedTransport) {
        let transport = ScriptedTransport(steps)
        return (TikTokClient(.live, transport: transport), transport)
    }
    let token = Secret("act.secret")

    func failure<T>(_ body: () async throws(APIFailure) -> T) async -> APIFailure? {
        do throws(APIFailure) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    @Test func readsCreatorInfoInAnyOrderOfKeys() async throws {
        let (client, transport) = try client(
            .answer(
                200,
                #"{"error":{"log_id":"x","code":"ok","message":""},"data":{"stitch_disabled":true,"max_video_post_duration_sec":3600,"creator_username":"ada","privacy_level_options":["SELF_ONLY"],"comment_disabled":false}}"#
            ))
        let info = try await client.creatorInfo(token: token)
        #expect(info.username == "ada")
        #expect(info.stitchDisabled)
        #expect(!info.duetDisabled)
        #expect(info.maxVideoPostDuration == 3600)
        #expect(info.privacyLevelOptions == ["SELF_ONLY"])
        let request = try #require(transport.requests.first)
        #expect(request.url == "https://open.tiktokapis.com/v2/post/publish/creator_info/query/")
        #expect(request.header("Authorization") == "Bearer act.secret")
        #expect(request.header("Content-Type") == "application/json; charset=UTF-8")
    }

    @Test func errorCodeCountsEvenWithHTTP200() async throws {
        let (client, _) = try client(
            .answer(200, #"{"data":{},"error":{"code":"spam_risk_too_many_posts","message":"m","log_id":"L1"}}"#))
        let failure = await failure { () throws(APIFailure) in try await client.creatorInfo(token: token) }
        #expect(
            failure
                == .refused(APIRefusal(status: 200, code: "spam_risk_too_many_posts", message: "m", logID: "L1")))
        #expect(failure.map { StageError(tiktok: $0).outcome } == .tryLater)
    }

    @Test func dataMayBeAbsentOnFailureAndLogIDMayBeSpeltWithoutUnderscore() async throws {
        let (client, _) = try client(
            .answer(
                403,
                #"{"error":{"code":"unaudited_client_can_only_post_to_private_accounts","message":"Please review","logid":"L2"}}"#
            ))
        let failure = await failure { () throws(APIFailure) in try await client.status(of: "p", token: token) }
        guard case .refused(let refusal) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(refusal.logID == "L2")
        let error = StageError(tiktok: refusal)
        #expect(error.outcome == .notAuthorised)
        #expect(error.message.contains("unaudited_client_can_only_post_to_private_accounts"))
        #expect(error.cause?.contains("L2") == true)
    }

    @Test(
        arguments: [
            (#"[7654132326040947989]"#, [7_654_132_326_040_947_989]),
            (#"["7654132326040947989"]"#, [7_654_132_326_040_947_989]),
            (#"[]"#, []), (#"null"#, []), (#"[7654132326040947989,"12"]"#, [7_654_132_326_040_947_989, 12]),
            (#"["x"]"#, []),
        ] as [(String, [Int64])])
    func readsPostIDsAsNumbersOrText(list: String, ids: [Int64]) async throws {
        let (client, _) = try client(
            .answer(
                200,
                #"{"data":{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":\#(list),"uploaded_bytes":"42"},"error":{"code":"ok","message":"","log_id":"L"}}"#
            ))
        let status = try await client.status(of: "p", token: token)
        #expect(status.postIDs == ids)
        #expect(status.uploadedBytes == 42)
        #expect(status.phase(for: .direct) == .done)
    }

    @Test func unknownStatusesMeanThatItGoesOn() {
        for word in ["PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "PROCESSING", "PUBLISH_SUCCESS", "EXPIRED", ""] {
            #expect(PublishStatus(status: word).phase(for: .direct) == .underWay)
        }
        #expect(PublishStatus(status: "FAILED").phase(for: .direct) == .failed(reason: "no reason given"))
        #expect(PublishStatus(status: "SEND_TO_USER_INBOX").phase(for: .inbox) == .done)
    }

    @Test(arguments: ["", "<html>502</html>", #"{"data":{"publish_id":"p"#, "[]", "null", #"{"data":{}}"#])
    func garbageIsNoAnswer(body: String) async throws {
        let (client, _) = try client(.answer(200, body))
        let plan = try ChunkPlan(size: 10)
        let draft = NewPost(info: nil, source: .upload(plan))
        let failure = await failure { () throws(APIFailure) in try await client.create(draft, token: token) }
        guard case .unintelligible(200, _, _) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(failure?.isCertainRefusal == false)
    }

    @Test func okWithoutTheNeededDataIsNoAnswer() async throws {
        for data in ["{}", #"{"publish_id":"","upload_url":"u"}"#, #"{"publish_id":"p"}"#] {
            let (client, _) = try client(.answer(200, #"{"data":\#(data),"error":{"code":"ok"}}"#))
            let plan = try ChunkPlan(size: 10)
            let draft = NewPost(info: nil, source: .upload(plan))
            let failure = await failure { () throws(APIFailure) in try await client.create(draft, token: token) }
            #expect(failure?.isCertainRefusal == false)
        }
    }

    @Test func directPostCarriesSettingsAndPlan() async throws {
        let (client, transport) = try client(
            .answer(
                200,
                #"{"data":{"publish_id":"v_pub_file~v2-1.1","upload_url":"https://open-upload.tiktokapis.com/video/?upload_id=1&upload_token=t"},"error":{"code":"ok","message":"","log_id":"L"}}"#
            ))
        var post = PostSettings()
        post.title = "Grüße 🎬"
        post.cover = .seconds(1.5)
        post.brandOrganic = true
        let creator = CreatorInfo(privacyLevelOptions: ["SELF_ONLY"], duetDisabled: true)
        let accepted = try await client.create(
            NewPost(info: PostInfo(post, creator: creator), source: .upload(try ChunkPlan(size: 50_000_123))),
            token: token)
        #expect(accepted.publishID == "v_pub_file~v2-1.1")
        #expect(accepted.uploadURL?.reveal().hasSuffix("upload_token=t") == true)
        let body = try #require(transport.requests.first?.json)
        let info = try #require(body["post_info"] as? [String: Any])
        #expect(info["title"] as? String == "Grüße 🎬")
        #expect(info["privacy_level"] as? String == "SELF_ONLY")
        #expect(info["disable_duet"] as? Bool == true)
        #expect(info["disable_comment"] as? Bool == false)
        #expect(info["video_cover_timestamp_ms"] as? Int == 1500)
        #expect(info["brand_content_toggle"] as? Bool == false)
        #expect(info["brand_organic_toggle"] as? Bool == true)
        #expect(info["is_aigc"] as? Bool == false)
        let source = try #require(body["source_info"] as? [String: Any])
        #expect(source["source"] as? String == "FILE_UPLOAD")
        #expect(source["video_size"] as? Int == 50_000_123)
        #expect(source["chunk_size"] as? Int == 10_000_024)
        #expect(source["total_chunk_count"] as? Int == 5)
    }

    @Test func draftsCarryNothingButTheSource() async throws {
        let (client, transport) = try client(
            .answer(200, #"{"data":{"publish_id":"p","upload_url":"u"},"error":{"code":"ok"}}"#))
        _ = try await client.create(NewPost(info: nil, source: .upload(try ChunkPlan(size: 10))), token: token)
        #expect(transport.requests.first?.json.keys.sorted() == ["source_info"])
        #expect(transport.requests.first?.url.hasSuffix("/v2/post/publish/inbox/video/init/") == true)
    }

    @Test(arguments: [nil, "", "https://open-upload.tiktokapis.com/video/?t=1"])
    func aPullCarriesTheAddressAndSendsNothing(uploadURL: String?) async throws {
        let more = uploadURL.map { ",\"upload_url\":\"\($0)\"" } ?? ""
        let (client, transport) = try client(
            .answer(200, #"{"data":{"publish_id":"v_pub_url~v2.1"\#(more)},"error":{"code":"ok"}}"#))
        let url = "https://media.example.com/clips/a.mp4"
        let accepted = try await client.create(NewPost(info: nil, source: .pull(url)), token: token)
        #expect(accepted == AcceptedPost(publishID: "v_pub_url~v2.1", uploadURL: nil))
        let source = try #require(transport.requests.first?.json["source_info"] as? [String: Any])
        #expect(source["source"] as? String == "PULL_FROM_URL")
        #expect(source["video_url"] as? String == url)
        #expect(source.count == 2)
    }

    @Test func remoteTextIsBoundedAndHoldsNoToken() {
        let text = RemoteText.line("token act.abcdef!x is\nbad " + String(repeating: "z", count: 500))
        #expect(!text.contains("act."))
        #expect(!text.contains("\n"))
        #expect(text.count <= 320)
        #expect(RemoteText.code("in valid\"<>_code") == "invalid_code")
    }
}
