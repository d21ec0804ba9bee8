package import Foundation
package import PipelineKit

/// A service's access token for one account.
package struct Credentials: Sendable, Hashable {
    package var accessToken: Secret
    /// The permissions that the token grants; nil when unknown.
    package var scopes: [String]?
    /// When the token expires; nil when unknown.
    package var expiresAt: Date?

    package init(accessToken: Secret, scopes: [String]? = nil, expiresAt: Date? = nil) {
        self.accessToken = accessToken
        self.scopes = scopes
        self.expiresAt = expiresAt
    }
}

/// Gives a stage the tokens of an account.
package protocol CredentialProvider: Sendable {
    /// Checks whether `account` can be used, without network access; returns nil when it can.
    func problem(with account: String) -> Diagnostic?
    /// Returns the account's current credentials.
    /// - Throws: `StageError` with code `not-authorised` when there are none.
    func credentials(for account: String) async throws(StageError) -> Credentials
    /// Returns new credentials after the service rejected `rejected`. Safe to call concurrently, also across processes.
    /// - Throws: `StageError` with code `not-authorised` when the credentials can't be renewed.
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials
}
