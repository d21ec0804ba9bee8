import Foundation
import PipelineKit
import Posting
import SpreaderTesting
import Testing
import TikTok
import TikTokSandbox

/// Every documented code as the answer to every call: its class, its words, the requests that were made, and where the
/// post stands in the end.
@Suite(.serialized) struct EveryErrorTests {
    /// The calls, and which step they belong to.
    enum Call: String, CaseIterable {
        case creatorInfo = "/v2/post/publish/creator_info/query/"
        case directPost = "/v2/post/publish/video/init/"
        case draft = "/v2/post/publish/inbox/video/init/"
        case status = "/v2/post/publish/status/fetch/"
        case openUpload = "/video/upload/init/"
        case sendPart = "/video/upload/part/"
        case completeUpload = "/video/upload/complete/"
        case publishVideo = "/post/publish/direct/"

        /// Whether a second request would be a second post.
        var isCreation: Bool { [.directPost, .draft, .publishVideo].contains(self) }
        /// Whether it belongs to the multipart dialect.
        var isMultipart: Bool { [.openUpload, .sendPart, .completeUpload, .publishVideo].contains(self) }
    }

    /// The HTTP status that the reference gives a code.
    private static func status(of code: String) -> Int {
        switch code {
        case "access_token_invalid", "scope_not_authorized": 401
        case "rate_limit_exceeded": 429
        case "internal_error": 500
        case "invalid_param", "invalid_params", "scope_permission_missed", "app_version_check_failed",
            "invalid_publish_id", "token_not_authorized_for_specified_publish_id", "publish_not_cancellable":
            400
        default: 403
        }
    }

    private static func faults(_ call: Call, _ code: String) -> String {
        """
        {"settings": {"processingSeconds": 0.05, "moderationSeconds": 0.05, "initPerMinute": 10000, \
        "creatorInfoPerMinute": 10000, "multipartUploadsPerDay": 10000, "statusPerMinute": 10000, "postsPerDay": 10000, "pendingInboxShares": 10000}, \
        "rules": [{"match": {"path": "\(call.rawValue)"}, "times": "always", \
        "action": {"answer": {"status": \(status(of: code)), "code": "\(code)"}}}]}
        """
    }

    @Test(arguments: Call.allCases) func isToldAndLeavesThePostWhereItBelongs(call: Call) async throws {
        let video = try await TestVideo(bytes: 1_000_000)
        defer { video.remove() }
        try await Sandbox.run { (sandbox: Sandbox) async throws in
            for (code, entry) in TikTokErrorTable.api.sorted(by: { $0.key < $1.key }) {
                try await sandbox.setFaults(Self.faults(call, code))
                // A refused token is renewed once; the new one is refused as well.
                var host = InMemoryHost(
                    accessTokens: [sandbox.endpoint.accessToken, "act.renewed"],
                    settings: ["TIKTOK_API_BASE_URL": sandbox.endpoint.baseURL])
                host.post.mode = call == .draft ? .inbox : .direct
                if call.isMultipart { host.settings["TIKTOK_API"] = "multipart" }
                host.post.title = "\(call) \(code)"
                let before = try await sandbox.calls(call.rawValue).count
                let sent = try await sandbox.sentRanges().count
                let error: StageError?
                if call == .status {
                    let uploaded = try await upload(video, host)
                    host.clock = ManualClock().host
                    error = await failure { [host] () throws(StageError) in
                        try await publish(uploaded, host, wait: .seconds(3600))
                    }
                } else {
                    error = await failure { [host] () throws(StageError) in try await upload(video, host) }
                }
                let made = try await sandbox.calls(call.rawValue).count - before
                try Self.judge(
                    Trial(call: call, code: code, entry: entry), error: error, ledger: host.ledger, calls: made)
                // Nothing is sent unless the post was created.
                #expect(try await sandbox.sentRanges().count - sent == (call == .status ? 1 : 0), "\(call) \(code)")
            }
        }
    }

    /// A code as the answer to a call.
    private struct Trial {
        var call: Call
        var code: String
        var entry: TikTokErrorTable.Entry
    }

    private static func judge(
        _ trial: Trial, error: StageError?, ledger: InMemoryLedger, calls: Int
    ) throws {
        let (call, code, entry) = (trial.call, trial.code, trial.entry)
        let error = try #require(error, "\(call) \(code) ended well")
        let state = try #require(ledger.records.first).state
        let isServerError = code == "internal_error"
        let comment = Comment("\(call) \(code): \(error), \(state), \(calls) calls")
        switch call {
        case .creatorInfo:
            #expect(error.outcome == entry.outcome && error.message.contains(code), comment)
            // Asked before anything is created: what would fail again is failed, the rest stays claimed.
            #expect(!ledger.history.contains(.sending), comment)
            #expect(state == (error.recovery == .permanent ? .failed : .reserved), comment)
        case .openUpload, .sendPart, .completeUpload:
            // Nothing of it makes a post.
            #expect(error.outcome == entry.outcome && error.message.contains(code), comment)
            #expect(!ledger.history.contains(.sending), comment)
            #expect(state == (error.recovery == .permanent ? .failed : .reserved), comment)
        case .directPost, .draft, .publishVideo:
            if isServerError {
                #expect(error.code == .unconfirmed && error.outcome == .failed && state == .unconfirmed, comment)
            } else {
                #expect(error.outcome == entry.outcome && error.message.contains(code) && state == .failed, comment)
            }
        case .status:
            switch code {
            case "invalid_publish_id", "publish_not_cancellable":
                // The service does not know the id, which may belong to a post that it published before.
                #expect(error.code == .unconfirmed && state == .unconfirmed, comment)
            default:
                #expect(error.outcome == entry.outcome && error.message.contains(code), comment)
                #expect(state == .uploaded, comment)
            }
        }
        judgeCalls(calls, of: trial, comment)
        #expect(error.hint?.isEmpty == false || error.code == .unconfirmed, comment)
    }

    /// The machine asks again only where that can help: with a renewed token, or for a status.
    private static func judgeCalls(_ calls: Int, of trial: Trial, _ comment: Comment) {
        let (call, entry) = (trial.call, trial.entry)
        if trial.code == "access_token_invalid" {
            #expect(calls == 2, comment)
        } else if [.sendPart, .completeUpload].contains(call), entry.code == .refused {
            // The service may have forgotten the upload: it is begun anew, twice.
            #expect(calls == 3, comment)
        } else if call.isCreation || call == .creatorInfo || entry.recovery == .permanent {
            #expect(calls == 1, comment)
        } else {
            // The service is asked patiently, not for ever; limits of a day are not waited for.
            #expect((1...9).contains(calls), comment)
        }
    }
}
