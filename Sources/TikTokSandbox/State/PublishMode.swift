/// How a video reaches the user.
enum PublishMode: String, Codable, Sendable {
    /// Published without further action by the user.
    case direct
    /// A draft in the user's inbox, which the user posts from the app.
    case inbox
}
