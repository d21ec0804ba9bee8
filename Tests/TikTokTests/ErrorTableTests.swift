import PipelineKit
import Testing

@testable import TikTok

@Suite struct ErrorTableTests {
    typealias Expectation = (code: String, outcome: StageError.Outcome, class: String)

    static let api: [(String, StageError.Outcome, String)] = [
        ("invalid_param", .invalidData, "permanent"), ("invalid_params", .invalidData, "permanent"),
        ("access_token_invalid", .notAuthorised, "permanent"), ("scope_not_authorized", .notAuthorised, "permanent"),
        ("scope_permission_missed", .notAuthorised, "permanent"), ("spam_risk_too_many_posts", .tryLater, "limited"),
        ("spam_risk_user_banned_from_posting", .notAuthorised, "permanent"),
        ("reached_active_user_cap", .tryLater, "limited"),
        ("unaudited_client_can_only_post_to_private_accounts", .notAuthorised, "permanent"),
        ("url_ownership_unverified", .invalidData, "permanent"),
        ("privacy_level_option_mismatch", .invalidData, "permanent"), ("rate_limit_exceeded", .tryLater, "limited"),
        ("internal_error", .unavailable, "transient"), ("spam_risk_too_many_pending_share", .tryLater, "limited"),
        ("app_version_check_failed", .invalidData, "permanent"), ("invalid_publish_id", .failed, "permanent"),
        ("token_not_authorized_for_specified_publish_id", .notAuthorised, "permanent"),
        ("publish_not_cancellable", .failed, "permanent"),
    ]

    static let oauth: [(String, StageError.Outcome, String)] = [
        ("invalid_request", .notAuthorised, "permanent"), ("invalid_client", .notAuthorised, "permanent"),
        ("invalid_grant", .notAuthorised, "permanent"), ("invalid_scope", .notAuthorised, "permanent"),
        ("unauthorized_client", .notAuthorised, "permanent"), ("access_denied", .notAuthorised, "permanent"),
        ("unsupported_grant_type", .notAuthorised, "permanent"),
        ("unsupported_response_type", .notAuthorised, "permanent"), ("server_error", .unavailable, "transient"),
        ("temporarily_unavailable", .unavailable, "transient"),
    ]

    static let failReasons: [(String, StageError.Outcome, String)] = [
        ("file_format_check_failed", .invalidData, "permanent"), ("duration_check_failed", .invalidData, "permanent"),
        ("frame_rate_check_failed", .invalidData, "permanent"),
        ("picture_size_check_failed", .invalidData, "permanent"), ("internal", .unavailable, "permanent"),
        ("video_pull_failed", .invalidData, "permanent"), ("photo_pull_failed", .invalidData, "permanent"),
        ("publish_cancelled", .failed, "permanent"), ("auth_removed", .notAuthorised, "permanent"),
        ("spam_risk_too_many_posts", .tryLater, "limited"),
        ("spam_risk_user_banned_from_posting", .notAuthorised, "permanent"),
        ("spam_risk_text", .invalidData, "permanent"), ("spam_risk", .invalidData, "permanent"),
    ]

    func name(of recovery: StageError.Recovery) -> String {
        switch recovery {
        case .permanent: "permanent"
        case .transient: "transient"
        case .limited: "limited"
        case .ambiguous: "ambiguous"
        }
    }

    @Test func everyDocumentedCodeIsListedAndNoOther() {
        #expect(Set(TikTokErrorTable.api.keys) == Set(Self.api.map(\.0)))
        #expect(Set(TikTokErrorTable.oauth.keys) == Set(Self.oauth.map(\.0)))
        #expect(Set(TikTokErrorTable.failReasons.keys) == Set(Self.failReasons.map(\.0)))
    }

    @Test(arguments: api) func apiCode(code: String, outcome: StageError.Outcome, recovery: String) {
        let error = StageError(tiktok: APIRefusal(status: 400, code: code))
        #expect(error.outcome == outcome)
        #expect(name(of: error.recovery) == recovery)
        #expect(error.message.contains(code))
        #expect(error.hint?.isEmpty == false)
    }

    @Test(arguments: oauth) func oauthCode(code: String, outcome: StageError.Outcome, recovery: String) {
        let error = StageError(tiktokLogin: APIRefusal(status: 200, code: code))
        #expect(error.outcome == outcome)
        #expect(name(of: error.recovery) == recovery)
    }

    @Test(arguments: failReasons) func failReason(code: String, outcome: StageError.Outcome, recovery: String) {
        let error = StageError(tiktokFailReason: code)
        #expect(error.outcome == outcome)
        #expect(name(of: error.recovery) == recovery)
        #expect(error.message.contains(code))
    }

    @Test(arguments: [(401, 77), (403, 65), (400, 65), (429, 75), (500, 69), (503, 69), (200, 65)])
    func unknownCodesGoByTheStatus(status: Int, exit: Int) {
        #expect(StageError(tiktok: APIRefusal(status: status, code: "brand_new")).outcome.rawValue == exit)
    }

    @Test func theServicesOwnWaitWins() {
        let refusal = APIRefusal(status: 429, code: "rate_limit_exceeded", retryAfter: 7)
        #expect(StageError(tiktok: refusal).recovery == .limited(after: 7))
    }

    @Test func onlyWhatIsCertainCountsAsARefusalOfACreatingRequest() {
        #expect(APIFailure.refused(APIRefusal(status: 400, code: "invalid_params")).isCertainRefusal)
        #expect(APIFailure.refused(APIRefusal(status: 429, code: "rate_limit_exceeded")).isCertainRefusal)
        #expect(!APIFailure.refused(APIRefusal(status: 500, code: "internal_error")).isCertainRefusal)
        #expect(!APIFailure.refused(APIRefusal(status: 200, code: "internal_error")).isCertainRefusal)
        #expect(!APIFailure.unintelligible(status: 502, detail: "", retryAfter: nil).isCertainRefusal)
        #expect(!APIFailure.unintelligible(status: 200, detail: "", retryAfter: nil).isCertainRefusal)
        #expect(APIFailure.transport(TransportFailure(.unreachable, requestBegun: false, detail: "")).isCertainRefusal)
        #expect(!APIFailure.transport(TransportFailure(.broken, requestBegun: true, detail: "")).isCertainRefusal)
    }
}
