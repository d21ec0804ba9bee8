import Foundation

/// Webhook deliveries, kept in memory only.
struct WebhookOutbox: Sendable {
    /// Keys of the events that were queued or dropped.
    private var knownEvents: Set<String> = []
    /// Deliveries that are due now or later, retries included.
    private var pending: [WebhookDelivery] = []
    /// Deliveries that succeeded or ran out of retries, newest last.
    private var ended: [WebhookDelivery] = []

    /// How many ended deliveries are kept.
    private static let maxEnded = 1000
    /// Seconds between the attempts of one delivery. TikTok retries for 72 hours.
    private static let retryDelays: [TimeInterval] = [1, 2, 4, 8, 16, 32, 64, 128]

    /// First the ended deliveries, then the pending ones.
    var deliveries: [WebhookDelivery] { ended + pending }

    /// Queues an event unless it was queued or dropped before.
    mutating func enqueue(_ event: WebhookEvent, at now: Date, settings: SandboxSettings) {
        guard knownEvents.insert(event.key).inserted else { return }
        // Without a callback the event is dropped: setting one later does not send it.
        guard settings.webhookURL != nil, settings.webhookFault != .lost else { return }
        // Delays the first of two events, so that the second overtakes it.
        let delay = settings.webhookFault == .reordered && event.name == "post.publish.complete" ? 3.0 : 0
        let delivery = WebhookDelivery(event: event, dueAt: now.addingTimeInterval(delay))
        pending += Array(repeating: delivery, count: settings.webhookFault == .duplicate ? 2 : 1)
    }

    /// Removes and returns the deliveries that are due.
    mutating func takeDue(at now: Date) -> [WebhookDelivery] {
        let due = pending.filter { $0.dueAt <= now }
        pending.removeAll { $0.dueAt <= now }
        return due
    }

    /// Records the result of an attempt and schedules a retry unless it succeeded.
    /// - Parameter status: The HTTP status of the response; nil if there was none.
    mutating func record(_ delivery: WebhookDelivery, status: Int?, at now: Date) {
        var delivery = delivery
        delivery.attempts += 1
        delivery.status = status
        if status != 200, delivery.attempts <= Self.retryDelays.count {
            delivery.dueAt = now.addingTimeInterval(Self.retryDelays[delivery.attempts - 1])
            pending.append(delivery)
        } else {
            ended = Array((ended + [delivery]).suffix(Self.maxEnded))
        }
    }
}
