package import PipelineKit

/// What a host grants to a stage that posts: the post's identity, the ledger and the account's credentials.
///
/// Stages that post import this module and find them as `context.ledger`, `context.credentials` and `context.postKey`.
/// Other stages never see them.
package struct PostingServices: Sendable {
    /// Identity of the post in the ledger.
    package var key: PostKey
    package var ledger: any PostLedger
    package var credentials: any CredentialProvider

    package init(key: PostKey, ledger: any PostLedger, credentials: any CredentialProvider) {
        self.key = key
        self.ledger = ledger
        self.credentials = credentials
    }
}

extension PostingServices: HostServiceKey {
    /// Refuses everything: for hosts that post nothing, such as checks of plugins.
    package static let unavailable = PostingServices(
        key: PostKey(account: "", digest: "", slot: ""), ledger: NoPosting(), credentials: NoPosting())
}

extension HostServices {
    /// Services that post; they refuse when the host granted none.
    package var posting: PostingServices {
        get { self[PostingServices.self] }
        set { self[PostingServices.self] = newValue }
    }
}

extension StageContext {
    /// Identity of the post in the ledger.
    package var postKey: PostKey { services.posting.key }
    package var ledger: any PostLedger { services.posting.ledger }
    package var credentials: any CredentialProvider { services.posting.credentials }
}

extension CheckContext {
    /// Credentials, to see whether there are any.
    package var credentials: any CredentialProvider { services.posting.credentials }
}

private struct NoPosting: PostLedger, CredentialProvider {
    private var refusal: StageError { StageError(.internalFault, "this host grants nothing to post with") }

    func find(_ key: PostKey) async throws(StageError) -> PostRecord? { throw refusal }
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord { throw refusal }
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord { throw refusal }
    func problem(with account: String) -> Diagnostic? { nil }
    func credentials(for account: String) async throws(StageError) -> Credentials { throw refusal }
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials { throw refusal }
}
