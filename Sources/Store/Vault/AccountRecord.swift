package import Foundation

/// Identifies an account at a service.
package struct AccountID: Sendable, Hashable {
    /// The account's name in pipelines and commands.
    package let name: String
    /// The host of the service, such as `open.tiktokapis.com`.
    package let service: String
    /// The account's identity in the ledger, which neither new tokens nor another port of the sandbox change.
    package let identity: String

    package init(name: String, service: String, identity: String) {
        self.name = name
        self.service = service
        self.identity = identity
    }
}

/// The owner of a connected account. Personal data: encrypted at rest, shown to the owner only, never logged.
package struct AccountProfile: Sendable, Hashable, Codable {
    /// The user's id at the service, stable for each pair of user and app.
    package var openID: String
    package var displayName: String?
    /// The handle; nil when unknown.
    package var username: String?

    package init(openID: String, displayName: String? = nil, username: String? = nil) {
        self.openID = openID
        self.displayName = displayName
        self.username = username
    }
}

/// A connected account in the vault, without its tokens.
package struct AccountRecord: Sendable, Hashable {
    package var id: AccountID
    /// The owner; nil when the service didn't return a profile.
    package var profile: AccountProfile?
    /// The granted permissions; nil when unknown.
    package var scopes: [String]?
    /// When the access token expires; nil when unknown.
    package var expiresAt: Date?
    /// When the refresh token expires, which ends the connection; nil when unknown.
    package var refreshExpiresAt: Date?
    /// Whether an expired access token can be renewed.
    package var canRenew: Bool
    /// When the account was connected; nil for tokens from the environment.
    package var connectedAt: Date?
    /// When its tokens last changed.
    package var updatedAt: Date
    /// When its tokens were last used.
    package var usedAt: Date?
    /// Why the connection ended; nil while it is active.
    package var endedBecause: String?
}
