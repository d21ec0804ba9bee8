/// Builds the URL at which a person can see a post.
package enum PostAddress {
    /// The post's URL: at TikTok once the post has a public id, or on the sandbox's page immediately. Returns nil if
    /// the public id or the username is missing.
    package static func url(
        postIDs: [Int64], publishID: String, username: String?, configuration: TikTokConfiguration
    ) -> String? {
        if configuration.isLoopback { return "\(configuration.apiBaseURL)/#\(publishID)" }
        guard let id = postIDs.first, let username, !username.isEmpty else { return nil }
        return "https://www.tiktok.com/@\(username)/video/\(id)"
    }
}
