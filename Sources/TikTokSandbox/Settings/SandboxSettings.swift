/// How the simulated TikTok behaves. The defaults are TikTok's documented or observed values; a fault plan changes them.
struct SandboxSettings: Sendable, Equatable {
    /// The limits for the size of a chunk.
    enum ChunkLimits: String, Sendable, CaseIterable {
        /// 5,000,000 to 64,000,000 bytes, which agrees with every known rejection of 2026.
        case strict
        /// 5,242,880 to 67,108,864 bytes.
        case mib
    }

    /// The number in the `Content-Range` header of upload responses, which TikTok does not document.
    enum RangeStyle: String, Sendable, CaseIterable {
        /// The index of the last byte.
        case last
        /// The number of bytes received.
        case count
    }

    /// Whether a refresh replaces the refresh token.
    enum RefreshRotation: String, Sendable, CaseIterable {
        /// A new token; the old one becomes invalid immediately.
        case strict
        /// A new token; the old one stays valid for a minute.
        case grace
        /// The token stays the same.
        case same
    }

    /// A fault in the delivery of webhooks.
    enum WebhookFault: String, Sendable, CaseIterable {
        case none
        /// Delivers each event twice.
        case duplicate
        /// Delivers later events before earlier ones.
        case reordered
        /// Signs events with a timestamp of yesterday.
        case stale
        /// Signs events with a wrong secret.
        case forged
        /// Drops every event, so that the client must poll the status.
        case lost
    }

    /// A host name of the loopback interface.
    enum UploadHost: String, Sendable, CaseIterable {
        case numeric = "127.0.0.1"
        case named = "localhost"
    }

    enum AccountPrivacy: String, Sendable, CaseIterable {
        case `private`, `public`
    }

    // Processing
    var processingSeconds = 1.5
    var moderationSeconds = 2.0
    /// Overrides the status of every post whose bytes have arrived.
    var stuckStatus: String?
    /// Fails every upload that completes from now on with this reason.
    var failReason: String?

    // App and account
    var appAudited = true
    var accountPrivacy = AccountPrivacy.private
    var accountUsername = "sandbox.creator"
    var accountNickname = "Sandbox Creator"
    /// The open id of the user who gives the next consent; nil for the sandbox's own user.
    var accountOpenID: String?
    var privacyLevelOptions: [String]?
    var commentDisabled = false
    var duetDisabled: Bool?
    var stitchDisabled: Bool?
    var maxVideoPostDurationSeconds: Int64 = 600
    /// The error that creator info returns. The three `spam_risk…`/`reached…` codes have status 200, as at TikTok.
    var creatorInfoError: String?

    // Tokens
    var accessTokenSeconds = 86_400.0
    var refreshTokenSeconds = 31_536_000.0
    var authorizationCodeSeconds = 600.0
    var refreshRotation = RefreshRotation.strict
    /// The scopes that automatic consent grants; `nil` for all that the client requests.
    var grantedScopes: [String]?
    var autoApprove = false
    var acceptBase64URLChallenge = false
    var oauthErrorsAnswer200 = false

    // Limits
    var initPerMinute = 6
    var creatorInfoPerMinute = 20
    var statusPerMinute = 30
    var userInfoPerMinute = 600
    /// TikTok's cap is about 15; the sandbox is generous, to make experiments easy.
    var postsPerDay = 1000
    var pendingInboxShares = 5
    /// How many users may post within 24 hours. Nil means five for an unaudited app and no limit for an audited one.
    var activeUsersPerDay: Int?

    // Webhooks
    /// The client's callback, which must be on this machine.
    var webhookURL: String?
    var webhookFault = WebhookFault.none

    // Pulls
    /// The verified URL prefixes of the developer portal: where videos may be fetched from. They must be on this machine.
    var verifiedURLPrefixes: [String]?
    /// Delay before a download starts.
    var pullSeconds = 0.0

    // The multipart dialect
    var multipartMaxBytes: Int64 = 1_000_000_000
    var multipartMaxSeconds: Int64 = 60
    var multipartUploadsPerDay = 100
    /// Whether a video can be posted only once.
    var multipartVideosAreSpent = false

    // Uploads
    /// The host of upload URLs. TikTok's differs from the API's host and by region.
    var uploadHost = UploadHost.numeric
    var chunkLimits = ChunkLimits.strict
    var singleMustMatch = true
    var lenientSingle = false
    var legacy2023 = false
    var uploadedContentRangeStyle = RangeStyle.last
    var uploadURLSeconds = 3600.0
    var maxVideoBytes: Int64 = 4_294_967_296

    /// The privacy levels in creator info.
    var offeredPrivacyLevels: [String] {
        privacyLevelOptions
            ?? [
                accountPrivacy == .private ? "FOLLOWER_OF_CREATOR" : "PUBLIC_TO_EVERYONE",
                "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY",
            ]
    }
}
