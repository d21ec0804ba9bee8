package import Foundation
package import PipelineKit
package import PluginProtocol
package import Posting

/// The ledger and the credentials of the host, for a child of this program.
package struct PostingChannel: CredentialProvider, PostLedger {
    private let host: HostChannel
    /// The problem with the account's credentials, as the host reported it with the request.
    private let accountProblem: Diagnostic?

    /// The services for posting, for a request of the host.
    package static func services(_ host: HostChannel, _ request: RequestContext) -> HostServices {
        let channel = PostingChannel(host: host, accountProblem: request.accountProblem)
        let key = request.postKey.flatMap { try? $0.decode(PostKey.self) }
        var services = HostServices()
        services.posting = PostingServices(
            key: key ?? PostingServices.unavailable.key, ledger: channel, credentials: channel)
        return services
    }

    package func problem(with account: String) -> Diagnostic? { accountProblem }

    package func credentials(for account: String) async throws(StageError) -> Credentials {
        let tokens: PostingWire.Tokens = try await host.requiredAnswer(to: .credentials, key: account)
        return tokens.credentials
    }

    package func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        let tokens: PostingWire.Tokens = try await host.requiredAnswer(
            to: .credentialsRenewed, key: account, value: rejected.reveal())
        return tokens.credentials
    }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? {
        let post: PostingWire.Post? = try await host.answer(to: .ledgerFind, value: key)
        return post?.record
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        let post: PostingWire.Post = try await host.requiredAnswer(
            to: .ledgerReserve, value: PostingWire.Claim(key: key, asset: asset, runID: runID))
        return post.record
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        let post: PostingWire.Post = try await host.requiredAnswer(
            to: .ledgerApply, key: id, value: PostingWire.Change(change))
        return post.record
    }

    package func note(uploadRate: Double, to service: String) async throws(StageError) {
        try await host.call(.ledgerNote, key: service, value: uploadRate)
    }

    package func uploadRate(to service: String, since start: Date) async throws(StageError) -> Double? {
        try await host.answer(to: .ledgerRate, key: service, value: start)
    }
}
