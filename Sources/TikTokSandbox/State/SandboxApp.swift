import Foundation

/// The app and the user that a data folder simulates.
struct SandboxApp: Codable, Sendable, Equatable {
    var clientKey: String
    var clientSecret: String
    /// The open id of the sandbox's own user.
    var openID: String
    var unionID: String

    /// Creates an app with random credentials. As at TikTok, the client key of a sandbox starts with `sb`.
    static func random() -> SandboxApp {
        SandboxApp(
            clientKey: "sb" + Identifiers.secret(16).lowercased(), clientSecret: Identifiers.secret(32),
            openID: "-000" + Identifiers.secret(32), unionID: Identifiers.secret(36).lowercased())
    }

    /// The scopes that the app may request.
    static let scopes = [
        "user.info.basic", "user.info.profile", "user.info.stats", "video.list", "video.upload", "video.publish",
    ]

    /// The names of scopes in the multipart dialect.
    static let scopeAliases = ["content.upload": "video.upload", "post.publish": "video.publish"]

    /// Whether the app may request a scope.
    static func offers(_ scope: String) -> Bool { scopes.contains(scope) || scopeAliases[scope] != nil }
}
