/// Where a post can be seen.
package enum PostAddress {
    /// The address: at TikTok once the post has a public id, on a sandbox's page at once; nil when it can't be told.
    package static func url(
        postIDs: [Int64], publishID: String, username: String?, _ configuration: TikTokConfiguration
    ) -> String? {
        if configuration.isLoopback { return "\(configuration.apiBaseURL)/#\(publishID)" }
        guard let id = postIDs.first, let username, !username.isEmpty else { return nil }
        return "https://www.tiktok.com/@\(username)/video/\(id)"
    }
}
