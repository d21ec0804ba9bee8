import Foundation

/// The app and the account that one data folder simulates.
struct SandboxApp: Codable, Sendable, Equatable {
    var clientKey: String
    var clientSecret: String
    /// The one TikTok user of the sandbox.
    var openID: String
    var unionID: String

    /// A new app with random credentials. Keys of TikTok's own sandboxes start with `sb` as well.
    static func random() -> SandboxApp {
        SandboxApp(
            clientKey: "sb" + Identifiers.secret(16).lowercased(), clientSecret: Identifiers.secret(32),
            openID: "-000" + Identifiers.secret(32), unionID: Identifiers.secret(36).lowercased())
    }

    /// The scopes that the app may ask for.
    static let scopes = [
        "user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.upload", "video.publish",
    ]

    /// Names that the multipart dialect has for scopes.
    static let scopeAliases = ["content.upload": "video.upload", "post.publish": "video.publish"]

    /// Whether the app may ask for a scope.
    static func offers(_ scope: String) -> Bool { scopes.contains(scope) || scopeAliases[scope] != nil }

    /// Whether the scopes, by whichever names, hold `wanted`.
    static func holds(_ scopes: [String], _ wanted: String) -> Bool {
        scopes.contains { $0 == wanted || scopeAliases[$0] == wanted }
    }
}
