import Foundation

/// The state of a delivery.
struct WebhookDelivery: Sendable {
    var event: WebhookEvent
    var attempts = 0
    /// The HTTP status of the last response; nil if there was none.
    var status: Int?
    var dueAt: Date

    /// The delivery as an element of `GET /_sandbox/webhooks`.
    var json: SandboxJSON {
        [
            "event": .string(event.name), "publishId": event.publishID.map(SandboxJSON.string) ?? .null,
            "attempts": .integer(Int64(attempts)), "status": status.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}
