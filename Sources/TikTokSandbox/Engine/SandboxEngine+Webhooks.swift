import Foundation

/// Webhook deliveries, kept in memory only.
struct WebhookOutbox: Sendable {
    /// Keys of the events that were queued or dropped.
    var told: Set<String> = []
    /// Deliveries that are due now or later, retries included.
    var waiting: [WebhookDelivery] = []
    /// Deliveries that succeeded or ran out of retries, newest last.
    var ended: [WebhookDelivery] = []
}

extension SandboxEngine {
    /// How many ended deliveries are kept.
    private static let memory = 1000
    /// Seconds between the attempts of one delivery. TikTok retries for 72 hours.
    private static let pauses: [TimeInterval] = [1, 2, 4, 8, 16, 32, 64, 128]

    /// Queues the events since the last call and returns the deliveries that are due.
    func dueDeliveries() -> [WebhookDelivery] {
        let moment = now()
        let settings = settings
        for notice in notices(at: moment, settings) where webhooks.told.insert(notice.key).inserted {
            // Without a callback the event is dropped: setting one later does not send it.
            guard settings.webhookURL != nil, settings.webhookFault != .lost else { continue }
            // Delays the first of two events, so that the second overtakes it.
            let pause = settings.webhookFault == .reordered && notice.event == "post.publish.complete" ? 3.0 : 0
            let delivery = WebhookDelivery(notice: notice, dueAt: moment.addingTimeInterval(pause))
            webhooks.waiting += Array(repeating: delivery, count: settings.webhookFault == .duplicate ? 2 : 1)
        }
        let due = webhooks.waiting.filter { $0.dueAt <= moment }
        webhooks.waiting.removeAll { $0.dueAt <= moment }
        return due
    }

    /// Records the result of an attempt and schedules a retry unless it succeeded.
    func delivered(_ delivery: WebhookDelivery, status: Int?) {
        var delivery = delivery
        delivery.attempts += 1
        delivery.status = status
        if status != 200, delivery.attempts <= Self.pauses.count {
            delivery.dueAt = now().addingTimeInterval(Self.pauses[delivery.attempts - 1])
            webhooks.waiting.append(delivery)
        } else {
            webhooks.ended = Array((webhooks.ended + [delivery]).suffix(Self.memory))
        }
    }

    /// The deliveries of `GET /_sandbox/webhooks`: first the ended ones, then the pending ones.
    func deliveries() -> [SandboxJSON] { (webhooks.ended + webhooks.waiting).map(\.json) }

    private func notices(at moment: Date, _ settings: SandboxSettings) -> [WebhookNotice] {
        var notices: [WebhookNotice] = []
        for post in state.arrivedPosts.reversed() + state.failedPulls {
            let status = post.status(at: moment, settings: settings)
            let type = post.mode == .inbox ? "INBOX_SHARE" : "DIRECT_PUBLISH"
            func notice(_ event: String, _ more: [String: SandboxJSON] = [:]) -> WebhookNotice {
                let content: [String: SandboxJSON] = [
                    "publish_id": .string(post.publishID), "publish_type": .string(type),
                ]
                return WebhookNotice(
                    event: event, openID: post.openID, publishID: post.publishID,
                    content: content.merging(more) { $1 }, createdAt: moment)
            }
            switch status.name {
            case "FAILED":
                notices.append(notice("post.publish.failed", ["reason": .string(status.failReason ?? "internal")]))
            case "SEND_TO_USER_INBOX": notices.append(notice("post.publish.inbox_delivered"))
            case "PUBLISH_COMPLETE":
                notices.append(notice("post.publish.complete"))
                if let id = status.publicPostID {
                    notices.append(notice("post.publish.publicly_available", ["post_id": .string(String(id))]))
                }
            default: break
            }
        }
        for grant in state.grants.values where grant.revoked {
            notices.append(
                WebhookNotice(
                    event: "authorization.removed", openID: grant.openID, content: ["reason": 5], createdAt: moment))
        }
        return notices
    }
}
