package import PipelineKit

/// Maps TikTok's error codes to messages, hints, retry decisions and exit statuses.
///
/// The codes come from the OAuth and Content Posting documentation and from recorded responses. The documentation
/// spells `invalid_param`; the service sends `invalid_params`.
package enum TikTokErrorTable {
    /// The meaning of one code.
    package struct Entry: Sendable, Hashable {
        /// The code of the resulting `StageError`.
        package var code: StageError.Code
        /// The error message, without TikTok's code.
        package var message: String
        /// The next step for the user.
        package var hint: String
        /// Whether and when to retry automatically.
        package var recovery: StageError.Recovery
        /// Determines the exit status.
        package var outcome: StageError.Outcome

        init(
            _ code: StageError.Code, _ message: String, hint: String,
            recovery: StageError.Recovery = .permanent, outcome: StageError.Outcome
        ) {
            self.code = code
            self.message = message
            self.hint = hint
            self.recovery = recovery
            self.outcome = outcome
        }
    }

    /// The hint for invalid or expired tokens.
    static let freshLogin =
        "log in again with `spreader-pipeline auth login`, or set TIKTOK_ACCESS_TOKEN and TIKTOK_REFRESH_TOKEN to new tokens for the account"

    /// A daily limit: waiting within a run does not help.
    private static let tomorrow = StageError.Recovery.limited(after: 86_400)
    /// TikTok's rate limits use windows of one minute.
    private static let nextMinute = StageError.Recovery.limited(after: 60)

    /// Values of `error.code` in v2 API responses.
    package static let api: [String: Entry] = [
        "invalid_param": invalidRequest,
        "invalid_params": invalidRequest,
        "access_token_invalid": Entry(
            .notAuthorised, "TikTok refused the access token",
            hint: freshLogin,
            outcome: .notAuthorised),
        "scope_not_authorized": missingScope,
        "scope_permission_missed": missingScope,
        "spam_risk_too_many_posts": tooManyPosts,
        "spam_risk_user_banned_from_posting": bannedUser,
        "reached_active_user_cap": Entry(
            .limited, "the app's daily quota of posting users is used up; this is not a limit of the creator",
            hint: "wait until tomorrow; the app's owner can ask TikTok for a higher quota", recovery: tomorrow,
            outcome: .tryLater),
        "unaudited_client_can_only_post_to_private_accounts": Entry(
            .notAuthorised, "TikTok has not audited the app, so the TikTok account itself must be private",
            hint: "make the account private in the TikTok app and post with SELF_ONLY, or use `mode: inbox`",
            outcome: .notAuthorised),
        "url_ownership_unverified": Entry(
            .refused, "the URL that TikTok should fetch the video from is on a domain that the app has not verified",
            hint: "upload the file instead, or verify the domain in TikTok's developer portal", outcome: .invalidData),
        "privacy_level_option_mismatch": Entry(
            .refused, "the creator's account does not offer the post's privacy level",
            hint: "set `post.privacyLevel` to one of the account's options", outcome: .invalidData),
        "rate_limit_exceeded": Entry(
            .limited, "TikTok's per-minute rate limit for this user is reached", hint: "try again in a minute",
            recovery: nextMinute, outcome: .tryLater),
        "internal_error": serverError,
        "spam_risk_too_many_pending_share": Entry(
            .limited,
            "the creator's inbox holds five unfinished drafts from the last 24 hours, which is TikTok's limit",
            hint: "finish or discard drafts in the TikTok app, or wait a day", recovery: tomorrow, outcome: .tryLater),
        "app_version_check_failed": Entry(
            .refused, "the creator's TikTok app is too old for this draft",
            hint: "update the TikTok app to 31.8 or later",
            outcome: .invalidData),
        "invalid_publish_id": Entry(
            .refused, "TikTok does not know the post's publish id", hint: "check the account, and see `posts list`",
            outcome: .failed),
        "token_not_authorized_for_specified_publish_id": Entry(
            .notAuthorised, "the access token and the post belong to different accounts",
            hint: "use the account that the post was created with", outcome: .notAuthorised),
        "publish_not_cancellable": Entry(
            .refused, "the post can no longer be cancelled", hint: "delete it in the TikTok app", outcome: .failed),
    ]

    /// Values of `error` in responses of the OAuth endpoints.
    package static let oauth: [String: Entry] = [
        "invalid_request": login("TikTok rejected the login request as malformed"),
        "invalid_client": app("TikTok does not know the app's client key, or its secret is wrong"),
        "invalid_grant": login("the login has expired, was already used, or was revoked"),
        "invalid_scope": app("the app lacks one of the requested permissions"),
        "unauthorized_client": app(
            "the app is not allowed to use this kind of login; Login Kit may be missing from it"),
        "access_denied": login("the creator denied the login"),
        "unsupported_grant_type": app("TikTok does not support the requested kind of login"),
        "unsupported_response_type": app("TikTok does not support the requested kind of login"),
        "server_error": serverError,
        "temporarily_unavailable": serverError,
    ]

    /// Values of `fail_reason` for posts that the service rejected after accepting them.
    package static let failReasons: [String: Entry] = [
        "file_format_check_failed": badFile("its container or codec"),
        "duration_check_failed": badFile("its duration"),
        "frame_rate_check_failed": badFile("its frame rate, which must be between 23 and 60 fps"),
        "picture_size_check_failed": badFile("its frame size, which must be 360 to 4096 pixels on each side"),
        "internal": Entry(
            .unavailable, "TikTok failed to process the video; nothing was posted",
            hint: "run the same command again to upload the video again", outcome: .unavailable),
        "video_pull_failed": Entry(
            .refused, "TikTok could not fetch the video from its URL", hint: "check the URL, or upload the file",
            outcome: .invalidData),
        "photo_pull_failed": Entry(
            .refused, "TikTok could not fetch a photo from its URL", hint: "check the URLs", outcome: .invalidData),
        "publish_cancelled": Entry(
            .refused, "the post was cancelled before it was published", hint: "run the same command again to post it",
            outcome: .failed),
        "auth_removed": Entry(
            .notAuthorised, "the creator revoked the app's access while the post was being processed",
            hint: freshLogin, outcome: .notAuthorised),
        "spam_risk_too_many_posts": tooManyPosts,
        "spam_risk_user_banned_from_posting": bannedUser,
        "spam_risk_text": Entry(
            .refused, "TikTok flagged the post's text as spam", hint: "change the title", outcome: .invalidData),
        "spam_risk": Entry(
            .refused, "TikTok flagged the post as spam", hint: "change the title or the footage", outcome: .invalidData),
    ]

    private static let invalidRequest = Entry(
        .refused, "TikTok rejected a field of the request",
        hint: "see the cause for the field, which is usually a setting under `post`", outcome: .invalidData)
    private static let missingScope = Entry(
        .notAuthorised, "the creator has not granted the app the permission that this call needs",
        hint: "log in again and leave all permissions ticked: video.publish for direct posts, video.upload for drafts",
        outcome: .notAuthorised)
    private static let tooManyPosts = Entry(
        .limited, "the creator's daily limit of API posts, shared by all apps, is reached",
        hint: "try again tomorrow, or post by hand in the TikTok app", recovery: tomorrow, outcome: .tryLater)
    private static let bannedUser = Entry(
        .notAuthorised, "TikTok bars this creator from posting",
        hint: "contact TikTok's support; retrying will not help",
        outcome: .notAuthorised)
    private static let serverError = Entry(
        .unavailable, "TikTok had an internal error", hint: "try again later", recovery: .transient(after: nil),
        outcome: .unavailable)

    private static func login(_ message: String) -> Entry {
        Entry(
            .notAuthorised, message, hint: freshLogin,
            outcome: .notAuthorised)
    }

    private static func app(_ message: String) -> Entry {
        Entry(
            .notAuthorised, message,
            hint: "check TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET against the app in TikTok's developer portal",
            outcome: .notAuthorised)
    }

    private static func badFile(_ what: String) -> Entry {
        Entry(
            .unusableFootage, "TikTok rejected the video because of \(what); nothing was posted",
            hint: "change the options of the transcode stage, and run the command again", outcome: .invalidData)
    }
}
