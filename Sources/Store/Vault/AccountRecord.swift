package import Foundation

/// Which account at which service.
package struct AccountID: Sendable, Hashable {
    /// What people call it, as `account` in a pipeline does.
    package let name: String
    /// Host of the service, such as `open.tiktokapis.com`.
    package let service: String
    /// The ledger's name for it: neither a rotated token nor another port of the same sandbox changes it.
    package let identity: String

    /// An account.
    package init(name: String, service: String, identity: String) {
        self.name = name
        self.service = service
        self.identity = identity
    }
}

/// Who a connected account belongs to. Personal data: sealed at rest, shown to its owner, never logged.
package struct AccountProfile: Sendable, Hashable, Codable {
    /// The user's id at the service, stable per user and app.
    package var openID: String
    /// The name that is shown.
    package var displayName: String?
    /// The handle.
    package var username: String?

    /// A profile.
    package init(openID: String, displayName: String? = nil, username: String? = nil) {
        self.openID = openID
        self.displayName = displayName
        self.username = username
    }
}

/// A connected account as the vault knows it, without its tokens.
package struct AccountRecord: Sendable, Hashable {
    /// Which account.
    package var id: AccountID
    /// Who it belongs to; nil when the service did not say.
    package var profile: AccountProfile?
    /// Permissions; nil when unknown.
    package var scopes: [String]?
    /// When the access token ends; nil when unknown.
    package var expiresAt: Date?
    /// When the refresh token ends, and with it the connection; nil when unknown.
    package var refreshExpiresAt: Date?
    /// Whether an expired access token can be renewed.
    package var canRenew: Bool
    /// When it was connected; nil for tokens that came from the environment.
    package var connectedAt: Date?
    /// When its tokens changed last.
    package var updatedAt: Date
    /// When its tokens were used last.
    package var usedAt: Date?
    /// Why the service ended the connection, when it did.
    package var endedBecause: String?
}
