/// What a creator allowed, beside what was asked for: permissions can be unticked one by one.
package struct GrantedScopes: Sendable, Hashable {
    /// What was asked for.
    package let wanted: [String]
    /// What was granted.
    package let granted: [String]

    /// A comparison.
    package init(wanted: [String], granted: [String]) {
        self.wanted = wanted
        self.granted = granted
    }

    /// Permissions that were asked for and not given, in the order of asking.
    package var missing: [String] { wanted.filter { !granted.contains($0) } }

    /// What is not possible without the missing permissions, one sentence each.
    package var consequences: [String] {
        missing.map { scope in
            switch scope {
            case "video.publish":
                granted.contains("video.upload")
                    ? "video.publish was not granted: direct posts are not possible, drafts (`mode: inbox`) are"
                    : "video.publish was not granted: direct posts are not possible"
            case "video.upload": "video.upload was not granted: drafts (`mode: inbox`) are not possible"
            case "user.info.basic": "user.info.basic was not granted: the account's name is not known"
            default: "\(scope) was not granted"
            }
        }
    }

    /// Whether anything can be posted at all.
    package var canPost: Bool { granted.contains("video.publish") || granted.contains("video.upload") }
}
