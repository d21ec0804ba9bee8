package import PipelineKit

/// What each code of TikTok means here: whose limit it is, what to do, whether trying again helps, which exit status.
///
/// The codes are those of the OAuth and Content Posting documentation and of recorded answers; `invalid_param` is
/// what the documentation prints and `invalid_params` what the service says.
package enum TikTokErrorTable {
    /// What a code means.
    package struct Entry: Sendable, Hashable {
        /// The stable code of the error it becomes.
        package var code: StageError.Code
        /// One sentence without the service's code.
        package var message: String
        /// What to do.
        package var hint: String
        /// What a machine may do.
        package var recovery: StageError.Recovery
        /// The exit status.
        package var outcome: StageError.Outcome

        init(
            _ code: StageError.Code, _ message: String, _ hint: String,
            recovery: StageError.Recovery = .permanent, outcome: StageError.Outcome
        ) {
            self.code = code
            self.message = message
            self.hint = hint
            self.recovery = recovery
            self.outcome = outcome
        }
    }

    /// What to do about tokens that are no good.
    static let freshLogin =
        "log in again with `spreader-pipeline auth login`, or set TIKTOK_ACCESS_TOKEN and TIKTOK_REFRESH_TOKEN to fresh tokens of the account"

    /// A day: no pause within a run helps against a daily cap.
    private static let tomorrow = StageError.Recovery.limited(after: 86_400)
    /// The windows of TikTok's rate limits are one minute long.
    private static let nextMinute = StageError.Recovery.limited(after: 60)

    /// Codes of `error.code` in the answers of the v2 API.
    package static let api: [String: Entry] = [
        "invalid_param": invalidRequest,
        "invalid_params": invalidRequest,
        "access_token_invalid": Entry(
            .notAuthorised, "TikTok refused the access token",
            freshLogin,
            outcome: .notAuthorised),
        "scope_not_authorized": missingScope,
        "scope_permission_missed": missingScope,
        "spam_risk_too_many_posts": Entry(
            .limited, "the creator's daily cap of posts by API is reached; all apps share it",
            "post again tomorrow, or by hand in the app", recovery: tomorrow, outcome: .tryLater),
        "spam_risk_user_banned_from_posting": Entry(
            .notAuthorised, "TikTok bars this creator from posting", "ask TikTok's support; another attempt is no use",
            outcome: .notAuthorised),
        "reached_active_user_cap": Entry(
            .limited, "the app's daily quota of posting users is used up; it is not the creator's fault",
            "wait until tomorrow; the app's owner can ask TikTok for a higher quota", recovery: tomorrow,
            outcome: .tryLater),
        "unaudited_client_can_only_post_to_private_accounts": Entry(
            .notAuthorised, "TikTok has not audited the app, so the TikTok account itself must be private",
            "make the account private in the TikTok app and post with SELF_ONLY, or use `mode: inbox`",
            outcome: .notAuthorised),
        "url_ownership_unverified": Entry(
            .refused, "the address that TikTok should fetch the video from is on a domain that the app does not own",
            "upload the file instead, or verify the domain in TikTok's developer portal", outcome: .invalidData),
        "privacy_level_option_mismatch": Entry(
            .refused, "the creator's account does not offer the post's privacy level",
            "set `post.privacyLevel` to one of the options of the account", outcome: .invalidData),
        "rate_limit_exceeded": Entry(
            .limited, "TikTok's limit of calls a minute for this user is reached", "try again in a minute",
            recovery: nextMinute, outcome: .tryLater),
        "internal_error": serverError,
        "spam_risk_too_many_pending_share": Entry(
            .limited, "five drafts of the last 24 hours still wait in the creator's inbox, and TikTok allows no more",
            "finish or discard drafts in the TikTok app, or wait a day", recovery: tomorrow, outcome: .tryLater),
        "app_version_check_failed": Entry(
            .refused, "the creator's TikTok app is too old for this draft", "update the TikTok app to 31.8 or later",
            outcome: .invalidData),
        "invalid_publish_id": Entry(
            .refused, "TikTok does not know the post's publish id", "look at the account, and see `posts list`",
            outcome: .failed),
        "token_not_authorized_for_specified_publish_id": Entry(
            .notAuthorised, "the access token belongs to another account than the post",
            "use the account that the post was created with", outcome: .notAuthorised),
        "publish_not_cancellable": Entry(
            .refused, "the post can no longer be cancelled", "delete it in the TikTok app", outcome: .failed),
    ]

    /// Values of `error` in the answers of the OAuth endpoints.
    package static let oauth: [String: Entry] = [
        "invalid_request": login("TikTok found the login request malformed"),
        "invalid_client": app("TikTok does not know the app's client key, or its secret is wrong"),
        "invalid_grant": login("the login has expired, was used already, or was revoked"),
        "invalid_scope": app("the app does not have one of the permissions that were asked for"),
        "unauthorized_client": app("the app may not log users in this way; is Login Kit added to it?"),
        "access_denied": login("the login was refused"),
        "unsupported_grant_type": app("TikTok does not know the kind of login that was asked for"),
        "unsupported_response_type": app("TikTok does not know the kind of login that was asked for"),
        "server_error": serverError,
        "temporarily_unavailable": serverError,
    ]

    /// Values of `fail_reason` of a post that the service gave up.
    package static let failReasons: [String: Entry] = [
        "file_format_check_failed": badFile("its container or codec"),
        "duration_check_failed": badFile("its length"),
        "frame_rate_check_failed": badFile("its frame rate, which must lie between 23 and 60"),
        "picture_size_check_failed": badFile("its picture size, which must be 360 to 4096 pixels on each side"),
        "internal": Entry(
            .unavailable, "TikTok failed while it processed the video; nothing was posted",
            "run the same command again: it sends the video anew", outcome: .unavailable),
        "video_pull_failed": Entry(
            .refused, "TikTok could not fetch the video from its address", "check the address, or upload the file",
            outcome: .invalidData),
        "photo_pull_failed": Entry(
            .refused, "TikTok could not fetch a photo from its address", "check the addresses", outcome: .invalidData),
        "publish_cancelled": Entry(
            .refused, "the post was cancelled before it was published", "run the same command again to post it",
            outcome: .failed),
        "auth_removed": Entry(
            .notAuthorised, "the creator removed the app's permission while the post was processed",
            freshLogin, outcome: .notAuthorised),
        "spam_risk_too_many_posts": Entry(
            .limited, "the creator's daily cap of posts by API is reached; all apps share it",
            "post again tomorrow, or by hand in the app", recovery: tomorrow, outcome: .tryLater),
        "spam_risk_user_banned_from_posting": Entry(
            .notAuthorised, "TikTok bars this creator from posting", "ask TikTok's support; another attempt is no use",
            outcome: .notAuthorised),
        "spam_risk_text": Entry(
            .refused, "TikTok took the post's text for spam", "change the title", outcome: .invalidData),
        "spam_risk": Entry(
            .refused, "TikTok took the post for spam", "change the title or the footage", outcome: .invalidData),
    ]

    private static let invalidRequest = Entry(
        .refused, "TikTok refused the request for one of its fields",
        "see the cause for the field; the settings under `post` are the usual reason", outcome: .invalidData)
    private static let missingScope = Entry(
        .notAuthorised, "the creator has not granted the app the permission that this needs",
        "log in again and leave all permissions ticked: video.publish for direct posts, video.upload for drafts",
        outcome: .notAuthorised)
    private static let serverError = Entry(
        .unavailable, "TikTok had an internal error", "try again later", recovery: .transient(after: nil),
        outcome: .unavailable)

    private static func login(_ message: String) -> Entry {
        Entry(
            .notAuthorised, message, freshLogin,
            outcome: .notAuthorised)
    }

    private static func app(_ message: String) -> Entry {
        Entry(
            .notAuthorised, message,
            "check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET against the app in TikTok's developer portal",
            outcome: .notAuthorised)
    }

    private static func badFile(_ what: String) -> Entry {
        Entry(
            .unusableFootage, "TikTok refused the video for \(what); nothing was posted",
            "prepare the footage again with other options of the transcode stage", outcome: .invalidData)
    }
}
