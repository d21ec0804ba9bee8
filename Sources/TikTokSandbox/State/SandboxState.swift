import Foundation

/// The whole durable state of a sandbox: events in, answers to questions out; no clock, no files, no network.
struct SandboxState: Sendable, Equatable {
    private(set) var app: SandboxApp?
    private(set) var codes: [String: AuthorizationCode] = [:]
    private(set) var grants: [String: Grant] = [:]
    private(set) var posts: [String: Post] = [:]
    /// Publish ids, the oldest first.
    private(set) var order: [String] = []

    init() {}

    init(replaying events: [SandboxEvent]) {
        for event in events { apply(event) }
    }

    /// Takes in one change.
    mutating func apply(_ event: SandboxEvent) {
        switch event {
        case .appCreated(let created):
            app = created
        case .codeIssued(let code):
            codes[code.code] = code
        case .codeSpent(let code):
            codes[code] = nil
        case .grantChanged(let grant):
            grants[grant.id] = grant
        case .postOpened(let post):
            if posts.updateValue(post, forKey: post.publishID) == nil { order.append(post.publishID) }
        case .chunkCommitted(let id, let committed, let contentType, let readyAt, let publicAt):
            posts[id]?.committed = committed
            posts[id]?.contentType = contentType
            posts[id]?.readyAt = readyAt
            posts[id]?.publicAt = publicAt
        case .inspected(let id, let inspection):
            posts[id]?.inspection = inspection
        case .draftFinished(let id, let moment):
            posts[id]?.finishedAt = moment
        }
    }

    /// The grant that a live access token belongs to.
    func grant(access token: String, at now: Date) -> Grant? {
        var found: Grant?
        // Looks at every grant, so that the time does not tell which one came near.
        for grant in grants.values where grant.accepts(access: token, at: now) { found = grant }
        return found
    }

    /// The grant that a live refresh token belongs to.
    func grant(refresh token: String, at now: Date) -> Grant? {
        var found: Grant?
        for grant in grants.values where grant.accepts(refresh: token, at: now) { found = grant }
        return found
    }

    /// The post whose upload has this id.
    func post(uploadID: String) -> Post? {
        posts.values.first { $0.uploadID == uploadID }
    }

    /// The posts whose bytes have all arrived, the newest first.
    var arrivedPosts: [Post] { order.reversed().compactMap { posts[$0] }.filter(\.isComplete) }

    /// The uploads that have not ended, the newest first.
    var openUploads: [Post] { order.reversed().compactMap { posts[$0] }.filter { !$0.isComplete } }

    /// The posts that still have to be looked at after their last byte.
    var uninspected: [String] {
        order.filter { id in posts[id].map { $0.isComplete && $0.inspection == nil } ?? false }
    }

    /// How many direct posts of the last 24 hours count against the creator's cap.
    func recentPosts(at now: Date, settings: SandboxSettings) -> Int {
        countRecent(.direct, at: now) { $0.status(at: now, settings: settings).name != "FAILED" }
    }

    /// How many inbox shares of the last 24 hours wait for the user.
    func pendingShares(at now: Date, settings: SandboxSettings) -> Int {
        countRecent(.inbox, at: now) { post in
            let name = post.status(at: now, settings: settings).name
            return name != "FAILED" && name != "PUBLISH_COMPLETE"
        }
    }

    private func countRecent(_ mode: PostMode, at now: Date, where counts: (Post) -> Bool) -> Int {
        posts.values.count { post in
            post.mode == mode && post.isComplete && post.createdAt > now.addingTimeInterval(-86_400) && counts(post)
        }
    }
}
