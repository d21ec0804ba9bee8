import Crypto
import Foundation

/// An event for a client's callback.
struct WebhookNotice: Sendable, Equatable {
    var event: String
    var openID: String
    var publishID: String?
    var content: [String: SandboxJSON]
    var createdAt: Date

    /// Identifies the event, so that it is sent only once.
    var key: String { "\(event) \(publishID ?? openID)" }

    /// The request body. As at TikTok, `content` is a string that contains JSON.
    func body(clientKey: String) -> Data {
        let inner = String(decoding: Self.json(.object(content)), as: UTF8.self)
        let outer: SandboxJSON = [
            "client_key": .string(clientKey), "event": .string(event),
            "create_time": .integer(Int64(createdAt.timeIntervalSince1970)), "user_openid": .string(openID),
            "content": .string(inner),
        ]
        return Self.json(outer)
    }

    private static func json(_ value: SandboxJSON) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)) ?? Data()
    }

    /// The value of the `TikTok-Signature` header for a body.
    static func signature(_ body: Data, secret: String, at time: Int64) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(time).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
        return "t=\(time),s=\(hexadecimal(code))"
    }
}

/// The state of a delivery.
struct WebhookDelivery: Sendable {
    var notice: WebhookNotice
    var attempts = 0
    /// The HTTP status of the last response; nil if there was none.
    var status: Int?
    var dueAt: Date

    var json: SandboxJSON {
        [
            "event": .string(notice.event), "publishId": notice.publishID.map(SandboxJSON.string) ?? .null,
            "attempts": .integer(Int64(attempts)), "status": status.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}
