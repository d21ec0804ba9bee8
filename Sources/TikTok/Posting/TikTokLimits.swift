package import PipelineKit

/// TikTok's rate limits. Permits are counted in the store, so all processes that share it share them.
package struct TikTokLimits: Sendable {
    private let subject: String
    private let app: String
    private let uploadsPerDay: Int

    /// Creates the limits of an account.
    /// - Parameter account: The account's identity at the service.
    package init(_ configuration: TikTokConfiguration, account: String) {
        subject = account
        // Uploads to a sandbox on this machine must not use up the app's real daily quota.
        app = configuration.isLoopback ? "loopback" : ""
        uploadsPerDay = configuration.uploadsPerDay
    }

    /// Creating posts: 6 per minute and user.
    package var postCreation: RateLimit { minute("init", 6) }
    /// Creator info calls: 20 per minute and user.
    package var creatorInfo: RateLimit { minute("creator_info", 20) }
    /// Status calls: 30 per minute and user.
    package var status: RateLimit { minute("status", 30) }
    /// Uploads by the whole app in 24 hours, as configured.
    package var uploads: RateLimit {
        RateLimit(name: "uploads", subject: app, permits: uploadsPerDay, window: .seconds(86_400))
    }

    /// The creator's API posts in 24 hours, across all apps: about 15, but it varies by creator.
    package var posts: RateLimit { day("posts") }
    /// Unfinished drafts in the inbox: five in 24 hours. Finished ones no longer count, but TikTok does not report
    /// that.
    package var drafts: RateLimit { day("drafts") }

    /// The creator's limit for posts of `mode`.
    package func cap(for mode: PostMode) -> RateLimit { mode == .direct ? posts : drafts }

    /// The creator's limit that an error code refers to; nil for other codes.
    package func cap(refusedWith code: String) -> RateLimit? {
        switch code {
        case "spam_risk_too_many_posts": posts
        case "spam_risk_too_many_pending_share": drafts
        default: nil
        }
    }

    private func day(_ name: String) -> RateLimit {
        RateLimit(name: name, subject: subject, permits: RateLimit.unknown, window: .seconds(86_400))
    }

    private func minute(_ name: String, _ permits: Int) -> RateLimit {
        RateLimit(name: name, subject: subject, permits: permits, window: .seconds(60))
    }
}
