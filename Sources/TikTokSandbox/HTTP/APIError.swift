/// An error in TikTok's envelope: `{"error": {"code", "message", "log_id"}}`.
struct APIError: Error, Sendable, Equatable {
    var status: Int
    var code: String
    var message: String

    static let accessTokenInvalid = APIError(
        status: 401, code: "access_token_invalid", message: "The access token is invalid or not found in the request.")
    static let scopeNotAuthorized = APIError(
        status: 401, code: "scope_not_authorized",
        message: "The user did not authorize the scope required for completing this request.")
    static let rateLimitExceeded = APIError(
        status: 429, code: "rate_limit_exceeded", message: "The API rate limit was exceeded. Please try again later.")
    static let unauditedClient = APIError(
        status: 403, code: "unaudited_client_can_only_post_to_private_accounts",
        message:
            "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/")
    static let privacyMismatch = APIError(
        status: 403, code: "privacy_level_option_mismatch",
        message: "The privacy level is missing or is not one of the creator's privacy level options.")
    static let tooManyPosts = APIError(
        status: 403, code: "spam_risk_too_many_posts",
        message: "The daily post cap from the API is reached for the current user.")
    static let activeUserCap = APIError(
        status: 403, code: "reached_active_user_cap",
        message: "The daily quota for active publishing users from your client is reached.")
    // TikTok repeats the code as the message here.
    static let tooManyPendingShares = APIError(
        status: 403, code: "spam_risk_too_many_pending_share", message: "spam_risk_too_many_pending_share")
    static let urlOwnershipUnverified = APIError(
        status: 403, code: "url_ownership_unverified",
        message: "Please verify the ownership of the URL before pulling from it.")
    static let invalidPublishID = APIError(
        status: 400, code: "invalid_publish_id", message: "The publish_id does not exist.")
    static let foreignPublishID = APIError(
        status: 400, code: "token_not_authorized_for_specified_publish_id",
        message: "The access token is not authorized for this publish_id.")
    static let notCancellable = APIError(
        status: 400, code: "publish_not_cancellable", message: "The publish can not be cancelled.")
    static let unsupportedPath = APIError(status: 404, code: "unsupported_path", message: "Unsupported path(Janus)")
    static let postInfo = invalid("The request post info is empty or incorrect")
    static let sourceInfo = invalid("The request source info is empty or incorrect")
    static let body = invalid("The request body is not a valid JSON object")

    /// The error with another status; creator info reports some with 200.
    func withStatus(_ status: Int) -> APIError { APIError(status: status, code: code, message: message) }

    static func invalid(_ message: String) -> APIError {
        APIError(status: 400, code: "invalid_params", message: message)
    }
}

/// An error of the OAuth endpoints, whose JSON has no envelope.
struct OAuthError: Error, Sendable, Equatable {
    var status: Int
    var error: String
    var description: String

    static func invalidRequest(_ description: String) -> OAuthError {
        OAuthError(status: 400, error: "invalid_request", description: description)
    }
    static func invalidGrant(_ description: String) -> OAuthError {
        OAuthError(status: 400, error: "invalid_grant", description: description)
    }
    static let invalidClient = OAuthError(
        status: 401, error: "invalid_client", description: "Client key or secret is incorrect.")
}
