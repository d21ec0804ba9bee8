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
}
