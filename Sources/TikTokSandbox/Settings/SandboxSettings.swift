/// How the simulated TikTok behaves; every value is the documented or observed one until a fault plan changes it.
struct SandboxSettings: Sendable, Equatable {
    /// How many uploads are validated.
    enum ChunkLimits: String, Sendable, CaseIterable {
        /// 5,000,000 to 64,000,000 bytes, the reading that every known refusal of 2026 supports.
        case strict
        /// 5,242,880 to 67,108,864 bytes.
        case mib
    }

    /// The number in the `Content-Range` header of upload answers, which the documentation leaves open.
    enum RangeStyle: String, Sendable, CaseIterable {
        /// The index of the last byte.
        case last
        /// The count of bytes.
        case count
    }

    /// What a refresh does to the refresh token.
    enum RefreshRotation: String, Sendable, CaseIterable {
        /// A new one; the old one is dead at once.
        case strict
        /// A new one; the old one lives on for a minute.
        case grace
        /// The same one again.
        case same
    }

    /// What goes wrong with webhooks.
    enum WebhookFault: String, Sendable, CaseIterable {
        /// Nothing.
        case none
        /// Each event is delivered twice.
        case duplicate
        /// Later events overtake earlier ones.
        case reordered
        /// Signed a day ago.
        case stale
        /// Signed with another secret.
        case forged
        /// Never delivered.
        case lost
    }

    /// A name of this machine.
    enum UploadHost: String, Sendable, CaseIterable {
        case numeric = "127.0.0.1"
        case named = "localhost"
    }

    /// Who may see the account.
    enum AccountPrivacy: String, Sendable, CaseIterable {
        case `private`, `public`
    }

    // Processing
    var processingSeconds = 1.5
    var moderationSeconds = 2.0
    /// Overrides the status of every post whose bytes have arrived.
    var stuckStatus: String?
    /// Fails every upload that completes from now on, whatever it holds.
    var failReason: String?

    // App and account
    var appAudited = true
    var accountPrivacy = AccountPrivacy.private
    var accountUsername = "sandbox.creator"
    var accountNickname = "Sandbox Creator"
    /// Who gives the next consent; nil for the sandbox's own user.
    var accountOpenID: String?
    var privacyLevelOptions: [String]?
    var commentDisabled = false
    var duetDisabled: Bool?
    var stitchDisabled: Bool?
    var maxVideoPostDurationSeconds: Int64 = 600
    /// Answered by creator info: the three `spam_risk…`/`reached…` codes with status 200, as TikTok does.
    var creatorInfoError: String?

    // Tokens
    var accessTokenSeconds = 86_400.0
    var refreshTokenSeconds = 31_536_000.0
    var authorizationCodeSeconds = 600.0
    var refreshRotation = RefreshRotation.strict
    /// The scopes that the user leaves ticked; `nil` for all that the client asks for.
    var grantedScopes: [String]?
    var autoApprove = false
    var acceptBase64URLChallenge = false
    var oauthErrorsAnswer200 = false

    // Limits
    var initPerMinute = 6
    var creatorInfoPerMinute = 20
    var statusPerMinute = 30
    var userInfoPerMinute = 600
    /// TikTok's is about 15; a sandbox is for trying things out.
    var postsPerDay = 1000
    var pendingInboxShares = 5
    /// Users that may post in 24 hours; nil for five while the app is unaudited, and any number after.
    var activeUsersPerDay: Int?

    // Webhooks
    /// The client's callback, on this machine.
    var webhookURL: String?
    var webhookFault = WebhookFault.none

    // Pulls
    /// Where videos may be fetched from, on this machine; what the developer portal calls verified URL prefixes.
    var verifiedURLPrefixes: [String]?
    /// How long a download waits before it begins.
    var pullSeconds = 0.0

    // The multipart dialect
    var multipartMaxBytes: Int64 = 1_000_000_000
    var multipartMaxSeconds: Int64 = 60
    var multipartUploadsPerDay = 100
    /// Whether a video may be posted once only.
    var multipartVideosAreSpent = false

    // Uploads
    /// The host of upload addresses, which at TikTok differs from the API's and by region.
    var uploadHost = UploadHost.numeric
    var chunkLimits = ChunkLimits.strict
    var singleMustMatch = true
    var lenientSingle = false
    var legacy2023 = false
    var uploadedContentRangeStyle = RangeStyle.last
    var uploadURLSeconds = 3600.0
    var maxVideoBytes: Int64 = 4_294_967_296

    /// The privacy levels that creator info offers.
    var offeredPrivacyLevels: [String] {
        privacyLevelOptions
            ?? [
                accountPrivacy == .private ? "FOLLOWER_OF_CREATOR" : "PUBLIC_TO_EVERYONE",
                "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY",
            ]
    }
}
