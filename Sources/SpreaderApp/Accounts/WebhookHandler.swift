import Foundation
package import Logging
package import PipelineKit
import Posting
package import Store
package import TikTok

/// Applies webhook events to posts in the ledger and accounts in the vault.
package struct WebhookHandler: Sendable {
    /// How long to remember a delivery, in seconds: longer than the 72 hours during which TikTok redelivers.
    private static let memory: TimeInterval = 80 * 3600

    let settings: Settings
    let assembly: HostAssembly
    let claims: SQLClaims
    let logger: Logger

    package init(settings: Settings, assembly: HostAssembly, claims: SQLClaims, logger: Logger) {
        self.settings = settings
        self.assembly = assembly
        self.claims = claims
        self.logger = logger
    }

    /// Handles an event once, even if TikTok delivers it several times.
    /// - Throws: `StageError` if the database can't be written; a redelivery may succeed.
    package func take(_ event: WebhookEvent) async throws(StageError) {
        let mark = "webhook:\(ContentDigest.sha256(event.idempotencyKey))"
        if try await claims.isTaken(mark) { return }
        // Apply before marking: applying an event twice is harmless, losing it is not.
        try await apply(event)
        _ = try await claims.take(mark, until: assembly.store.clock.now().addingTimeInterval(Self.memory))
    }

    private func apply(_ event: WebhookEvent) async throws(StageError) {
        if case .authorizationRemoved(let reason) = event.kind {
            for account in try await assembly.vault.accounts() where account.profile?.openID == event.openID {
                // A late event is about the previous connection. Event times are whole seconds.
                if let connected = account.connectedAt, event.time.addingTimeInterval(1) < connected { continue }
                try await assembly.vault.end(account.id, because: reason, at: assembly.store.clock.now())
                logger.notice("an account's connection ended", metadata: ["account": "\(account.id.name)"])
            }
            return
        }
        guard let publishID = event.publishID, let post = try await assembly.ledger.post(publishID: publishID) else {
            return
        }
        let change: PostChange
        switch event.kind {
        case .published, .delivered, .publiclyAvailable:
            let ids = event.postID.map { Set(post.postIDs).union([$0]).sorted() } ?? post.postIDs
            let configuration = try TikTokConfiguration(settings: settings.plain)
            change = .published(
                postIDs: ids,
                url: PostAddress.url(
                    postIDs: ids, publishID: publishID, username: post.announcement?.username,
                    configuration: configuration)
                    ?? post.url)
        case .failed(let reason): change = .failed(reason: reason)
        case .noLongerAvailable, .authorizationRemoved, .other: return
        }
        do throws(StageError) {
            _ = try await assembly.ledger.apply(change, to: post.id)
        } catch {
            // Events may arrive out of order. A post in a final state keeps it.
            guard error.code == .internalFault, post.state == .published || post.state == .failed else { throw error }
        }
    }
}
