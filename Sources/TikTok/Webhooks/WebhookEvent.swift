package import Foundation

/// An event that TikTok delivers by webhook.
package struct WebhookEvent: Sendable, Hashable {
    /// The kind of event. Unknown kinds are accepted as `other`.
    package enum Kind: Sendable, Hashable {
        /// The post was published, or the creator posted a draft.
        case published
        /// The draft arrived in the creator's inbox.
        case delivered
        /// The post failed for this reason.
        case failed(reason: String)
        /// The post became visible to everyone.
        case publiclyAvailable
        /// The post is no longer visible to everyone.
        case noLongerAvailable
        /// The creator, the app or TikTok revoked the app's access. `because` is text for the user.
        case authorizationRemoved(because: String)
        case other
    }

    /// TikTok's name for the event.
    package let name: String
    package let kind: Kind
    package let time: Date
    /// The user's open id; personal data.
    package let openID: String
    /// The publish id of the post; nil for events about an account.
    package let publishID: String?
    /// The id of the public post; nil if the event has none.
    package let postID: Int64?

    /// Identifies an event across repeated deliveries, because TikTok delivers at least once.
    package var idempotencyKey: String {
        [name, openID, publishID ?? "", postID.map(String.init) ?? "", "\(Int64(time.timeIntervalSince1970))"]
            .joined(separator: "\n")
    }

    /// Parses a request body. Returns nil if it is not a webhook event.
    package init?(body: Data) {
        guard let envelope = try? JSONDecoder().decode(Envelope.self, from: body) else { return nil }
        let content = try? JSONDecoder().decode(Content.self, from: Data((envelope.content ?? "{}").utf8))
        name = RemoteText.code(envelope.event)
        time = Date(timeIntervalSince1970: Double(envelope.create_time?.value ?? 0))
        openID = envelope.user_openid ?? ""
        publishID = content?.publish_id.flatMap { $0.isEmpty ? nil : $0 }
        postID = content?.post_id?.value
        kind =
            switch envelope.event {
            case "post.publish.complete": .published
            case "post.publish.inbox_delivered": .delivered
            case "post.publish.failed": .failed(reason: RemoteText.code(content?.reason?.text ?? "unnamed"))
            case "post.publish.publicly_available": .publiclyAvailable
            // TikTok's own spelling.
            case "post.publish.no_longer_publicaly_available": .noLongerAvailable
            case "authorization.removed": .authorizationRemoved(because: Self.removal(content?.reason?.number))
            default: .other
            }
    }

    /// Describes TikTok's numeric reason for `authorization.removed`.
    private static func removal(_ reason: Int64?) -> String {
        switch reason {
        case 1: "the creator disconnected the app"
        case 2: "the creator's account was deleted"
        case 3: "the creator's age changed"
        case 4: "the creator's account was banned"
        case 5: "the app revoked it"
        default: "TikTok revoked it"
        }
    }

    private struct Envelope: Decodable {
        var event: String
        var create_time: LenientInt64?
        var user_openid: String?
        /// A JSON document, encoded as a string.
        var content: String?
    }

    private struct Content: Decodable {
        var publish_id: String?
        var post_id: LenientInt64?
        var reason: Reason?
    }

    /// A string in events about posts, a number in events about authorisations.
    private struct Reason: Decodable {
        var text: String?
        var number: Int64?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            number = try? container.decode(Int64.self)
            text = try? container.decode(String.self)
        }
    }
}
