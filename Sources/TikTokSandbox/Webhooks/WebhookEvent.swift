import Crypto
import Foundation

/// An event for a client's callback.
struct WebhookEvent: Sendable, Equatable {
    /// TikTok's name of the event, such as `post.publish.complete`.
    var name: String
    var openID: String
    var publishID: String?
    var content: [String: SandboxJSON]
    var createdAt: Date

    /// Identifies the event, so that it is sent only once.
    var key: String { "\(name) \(publishID ?? openID)" }

    /// The request body. As at TikTok, `content` is a string that contains JSON.
    func body(clientKey: String) -> Data {
        let body: SandboxJSON = [
            "client_key": .string(clientKey), "event": .string(name),
            "create_time": .integer(Int64(createdAt.timeIntervalSince1970)), "user_openid": .string(openID),
            "content": .string(String(decoding: SandboxJSON.object(content).encoded(), as: UTF8.self)),
        ]
        return body.encoded()
    }

    /// The value of the `TikTok-Signature` header for a body.
    static func signature(of body: Data, secret: String, at time: Int64) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(time).".utf8) + body, using: SymmetricKey(data: Data(secret.utf8)))
        return "t=\(time),s=\(hexadecimal(code))"
    }
}
