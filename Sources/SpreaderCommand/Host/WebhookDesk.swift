import Foundation
import Logging
import PipelineKit
import Posting
import Store
import TikTok

/// What webhooks change: posts in the ledger, connections in the vault.
struct WebhookDesk: Sendable {
    /// Deliveries go on for 72 hours; a mark outlives them.
    private static let memory: TimeInterval = 80 * 3600

    let settings: Settings
    let assembly: HostAssembly
    let claims: SQLClaims
    let logger: Logger

    /// Takes in an event once, however often it is delivered.
    /// - Throws: `StageError` when the database can't be written; then another delivery may succeed.
    func take(_ event: WebhookEvent) async throws(StageError) {
        let mark = "webhook:\(ContentDigest.sha256(event.mark))"
        if try await claims.isTaken(mark) { return }
        // Applying it twice does no harm, marking it without having applied it would.
        try await apply(event)
        _ = try await claims.take(mark, until: assembly.store.clock.now().addingTimeInterval(Self.memory))
    }

    private func apply(_ event: WebhookEvent) async throws(StageError) {
        if case .authorizationRemoved(let reason) = event.kind {
            for account in try await assembly.vault.accounts() where account.profile?.openID == event.openID {
                // Told late, it is about the connection before this one. Events count in whole seconds.
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
                    postIDs: ids, publishID: publishID, username: post.announcement?.username, configuration)
                    ?? post.url)
        case .failed(let reason): change = .failed(reason: reason)
        case .noLongerAvailable, .authorizationRemoved, .other: return
        }
        do throws(StageError) {
            _ = try await assembly.ledger.apply(change, to: post.id)
        } catch {
            // Events may come in any order: what is published stays published, whatever comes after.
            guard error.code == .internalFault, post.state == .published || post.state == .failed else { throw error }
        }
    }
}
