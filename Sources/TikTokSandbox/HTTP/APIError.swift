/// An error in TikTok's envelope: `{"error": {"code", "message", "log_id"}}`.
struct APIError: Error, Sendable, Equatable {
    var status: Int
    var code: String
    var message: String

    init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static let accessTokenInvalid = APIError(
        401, "access_token_invalid", "The access token is invalid or not found in the request.")
    static let scopeNotAuthorized = APIError(
        401, "scope_not_authorized", "The user did not authorize the scope required for completing this request.")
    static let rateLimitExceeded = APIError(
        429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.")
    static let unauditedClient = APIError(
        403, "unaudited_client_can_only_post_to_private_accounts",
        "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/")
    static let privacyMismatch = APIError(
        403, "privacy_level_option_mismatch",
        "The privacy level is missing or is not one of the creator's privacy level options.")
    static let tooManyPosts = APIError(
        403, "spam_risk_too_many_posts", "The daily post cap from the API is reached for the current user.")
    static let activeUserCap = APIError(
        403, "reached_active_user_cap", "The daily quota for active publishing users from your client is reached.")
    // TikTok repeats the code as the message here.
    static let tooManyPendingShares = APIError(
        403, "spam_risk_too_many_pending_share", "spam_risk_too_many_pending_share")
    static let urlOwnershipUnverified = APIError(
        403, "url_ownership_unverified", "Please verify the ownership of the URL before pulling from it.")
    static let invalidPublishID = APIError(400, "invalid_publish_id", "The publish_id does not exist.")
    static let foreignPublishID = APIError(
        400, "token_not_authorized_for_specified_publish_id", "The access token is not authorized for this publish_id.")
    static let notCancellable = APIError(400, "publish_not_cancellable", "The publish can not be cancelled.")
    static let postInfo = invalid("The request post info is empty or incorrect")
    static let sourceInfo = invalid("The request source info is empty or incorrect")
    static let body = invalid("The request body is not a valid JSON object")

    static func invalid(_ message: String) -> APIError { APIError(400, "invalid_params", message) }
}

/// An error of the OAuth endpoints, whose JSON has no envelope.
struct OAuthError: Error, Sendable, Equatable {
    var status: Int
    var error: String
    var description: String

    init(_ status: Int, _ error: String, _ description: String) {
        self.status = status
        self.error = error
        self.description = description
    }

    static func invalidRequest(_ description: String) -> OAuthError { OAuthError(400, "invalid_request", description) }
    static func invalidGrant(_ description: String) -> OAuthError { OAuthError(400, "invalid_grant", description) }
    static let invalidClient = OAuthError(401, "invalid_client", "Client key or secret is incorrect.")
}
