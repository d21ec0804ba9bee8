package import Foundation

/// What TikTok tells of its own accord.
package struct WebhookEvent: Sendable, Hashable {
    /// What happened; kinds that are not known are no error.
    package enum Kind: Sendable, Hashable {
        /// Posted, or the creator finished a draft.
        case published
        /// The draft is in the creator's inbox.
        case delivered
        /// Given up, for this reason.
        case failed(reason: String)
        /// Everyone can see it.
        case publiclyAvailable
        /// Not everyone can see it any more.
        case noLongerAvailable
        /// The creator, or TikTok, ended the connection: words for a person.
        case authorizationRemoved(because: String)
        /// Something else.
        case other
    }

    /// TikTok's name of the event.
    package let name: String
    /// What it means.
    package let kind: Kind
    /// When it happened.
    package let time: Date
    /// The user it is about; personal data.
    package let openID: String
    /// The post it is about.
    package let publishID: String?
    /// The id of the public post.
    package let postID: Int64?

    /// Deliveries of one event are alike in this: TikTok delivers at least once.
    package var mark: String {
        [name, openID, publishID ?? "", postID.map(String.init) ?? "", "\(Int64(time.timeIntervalSince1970))"]
            .joined(separator: "\n")
    }

    /// Reads a body; nil when it is no event.
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

    /// Why a connection ended, by TikTok's number.
    private static func removal(_ reason: Int64?) -> String {
        switch reason {
        case 1: "the creator disconnected the app"
        case 2: "the creator's account was deleted"
        case 3: "the creator's age changed"
        case 4: "the creator's account was banned"
        case 5: "the app revoked it"
        default: "TikTok ended it"
        }
    }

    private struct Envelope: Decodable {
        var event: String
        var create_time: LenientInt64?
        var user_openid: String?
        /// JSON in a string.
        var content: String?
    }

    private struct Content: Decodable {
        var publish_id: String?
        var post_id: LenientInt64?
        var reason: Reason?
    }

    /// A word for posts, a number for connections.
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
