package import Foundation
package import PipelineKit

/// What a service accepts as proof of an account.
package struct Credentials: Sendable, Hashable {
    /// The bearer token.
    package var accessToken: Secret
    /// Permissions that the token carries; nil when unknown.
    package var scopes: [String]?
    /// When the token ends; nil when unknown.
    package var expiresAt: Date?

    /// Credentials.
    package init(accessToken: Secret, scopes: [String]? = nil, expiresAt: Date? = nil) {
        self.accessToken = accessToken
        self.scopes = scopes
        self.expiresAt = expiresAt
    }
}

/// Gives stages the tokens of an account.
package protocol CredentialProvider: Sendable {
    /// What stands in the way of using `account`, found without network; nil when nothing does.
    func problem(with account: String) -> Diagnostic?
    /// The account's credentials.
    /// - Throws: `StageError` with code `not-authorised` when there are none.
    func credentials(for account: String) async throws(StageError) -> Credentials
    /// New credentials after the service refused `rejected`; safe to call from many tasks and processes at once.
    /// - Throws: `StageError` with code `not-authorised` when they can't be renewed.
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials
}
