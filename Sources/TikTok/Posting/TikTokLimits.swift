package import PipelineKit

/// TikTok's limits as permits that everything on the same store shares.
package struct TikTokLimits: Sendable {
    private let subject: String
    private let app: String
    private let uploadsPerDay: Int

    /// The limits of an account.
    /// - Parameter account: Identity of the account at the service.
    package init(_ configuration: TikTokConfiguration, account: String) {
        subject = account
        // What is posted to a sandbox on this machine must not use up the app's real day.
        app = configuration.isLoopback ? "loopback" : ""
        uploadsPerDay = configuration.uploadsPerDay
    }

    /// Creating posts: 6 a minute and user.
    package var postCreation: RateLimit { minute("init", 6) }
    /// Asking for the creator's limits: 20 a minute and user.
    package var creatorInfo: RateLimit { minute("creator_info", 20) }
    /// Asking how posts stand: 30 a minute and user.
    package var status: RateLimit { minute("status", 30) }
    /// Uploads of the whole app in 24 hours.
    package var uploads: RateLimit {
        RateLimit(name: "uploads", subject: app, permits: uploadsPerDay, window: .seconds(86_400))
    }

    /// Posts by API of the creator in 24 hours, over all apps: about 15, but it differs from creator to creator.
    package var posts: RateLimit { day("posts") }
    /// Drafts that wait for the creator: five in 24 hours, but finished ones make room, which nobody tells.
    package var drafts: RateLimit { day("drafts") }

    /// The creator's own cap for posts of `mode`.
    package func cap(for mode: PostMode) -> RateLimit { mode == .direct ? posts : drafts }

    /// The cap that a refusal is about; nil when it is about none.
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
