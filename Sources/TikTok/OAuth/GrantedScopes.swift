/// Compares the permissions that a creator granted with the requested ones: a creator can untick each of them.
package struct GrantedScopes: Sendable, Hashable {
    /// The permissions that the login requested.
    package let requested: [String]
    /// The permissions that the creator granted.
    package let granted: [String]

    package init(requested: [String], granted: [String]) {
        self.requested = requested
        self.granted = granted
    }

    /// The requested permissions that were not granted, in the order of the request.
    package var missing: [String] { requested.filter { !granted.contains($0) } }

    /// Describes the effect of each missing permission, one sentence each.
    package var consequences: [String] {
        missing.map { scope in
            switch scope {
            case "video.publish":
                granted.contains("video.upload")
                    ? "video.publish was not granted: only drafts (`mode: inbox`) are possible, not direct posts"
                    : "video.publish was not granted: direct posts are not possible"
            case "video.upload": "video.upload was not granted: drafts (`mode: inbox`) are not possible"
            case "user.info.basic": "user.info.basic was not granted: the account's name is unknown"
            default: "\(scope) was not granted"
            }
        }
    }

    /// Whether direct posts or drafts are possible.
    package var canPost: Bool { granted.contains("video.publish") || granted.contains("video.upload") }
}
