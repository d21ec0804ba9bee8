import Foundation

extension SandboxEngine {
    /// Queues the events since the last call and returns the deliveries that are due.
    func dueDeliveries() -> [WebhookDelivery] {
        let now = now()
        let settings = settings
        for event in webhookEvents(at: now, settings: settings) {
            webhooks.enqueue(event, at: now, settings: settings)
        }
        return webhooks.takeDue(at: now)
    }

    /// Records the result of an attempt and schedules a retry unless it succeeded.
    func delivered(_ delivery: WebhookDelivery, status: Int?) {
        webhooks.record(delivery, status: status, at: now())
    }

    /// The deliveries of `GET /_sandbox/webhooks`: first the ended ones, then the pending ones.
    func deliveries() -> [SandboxJSON] { webhooks.deliveries.map(\.json) }

    /// All events that follow from the state; the outbox ignores those that it knows.
    private func webhookEvents(at now: Date, settings: SandboxSettings) -> [WebhookEvent] {
        let posts = state.arrivedPosts.reversed() + state.failedPulls
        let revoked = state.grants.values.filter(\.revoked)
        return posts.flatMap { $0.webhookEvents(at: now, settings: settings) }
            + revoked.map { grant in
                WebhookEvent(
                    name: "authorization.removed", openID: grant.openID, content: ["reason": 5], createdAt: now)
            }
    }
}

extension Post {
    /// The events that the post's status has led to.
    fileprivate func webhookEvents(at now: Date, settings: SandboxSettings) -> [WebhookEvent] {
        func event(_ name: String, _ extraContent: [String: SandboxJSON] = [:]) -> WebhookEvent {
            let content: [String: SandboxJSON] = [
                "publish_id": .string(publishID),
                "publish_type": mode == .inbox ? "INBOX_SHARE" : "DIRECT_PUBLISH",
            ]
            return WebhookEvent(
                name: name, openID: openID, publishID: publishID, content: content.merging(extraContent) { $1 },
                createdAt: now)
        }
        let status = status(at: now, settings: settings)
        switch status.name {
        case "FAILED":
            return [event("post.publish.failed", ["reason": .string(status.failReason ?? "internal")])]
        case "SEND_TO_USER_INBOX":
            return [event("post.publish.inbox_delivered")]
        case "PUBLISH_COMPLETE":
            let published = event("post.publish.complete")
            guard let id = status.publicPostID else { return [published] }
            return [published, event("post.publish.publicly_available", ["post_id": .string(String(id))])]
        default:
            return []
        }
    }
}
