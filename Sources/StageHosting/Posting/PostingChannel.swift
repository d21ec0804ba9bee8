package import Foundation
package import PipelineKit
package import PluginProtocol
package import Posting

/// The ledger and the credentials of the host, as a child of this program reaches them over the line.
package struct PostingChannel: CredentialProvider, PostLedger {
    private let host: HostChannel
    /// Why the account can't be used; the host said so with the request.
    private let accountProblem: Diagnostic?

    /// The services that post, for a request that `host` made of this child.
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
        try host.needed(
            try await host.answer(PostingWire.Tokens.self, to: .credentials, account, HostChannel.nothing), .credentials
        ).credentials
    }

    package func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        try host.needed(
            try await host.answer(PostingWire.Tokens.self, to: .credentialsRenewed, account, rejected.reveal()),
            .credentialsRenewed
        ).credentials
    }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? {
        try await host.answer(PostingWire.Post.self, to: .ledgerFind, "", key)?.record
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        let claim = PostingWire.Claim(key: key, asset: asset, runID: runID)
        return try host.needed(
            try await host.answer(PostingWire.Post.self, to: .ledgerReserve, "", claim), .ledgerReserve
        ).record
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        try host.needed(
            try await host.answer(PostingWire.Post.self, to: .ledgerApply, id, PostingWire.Change(change)), .ledgerApply
        ).record
    }

    package func note(uploadRate: Double, to service: String) async throws(StageError) {
        _ = try await host.ask(.ledgerNote, service, uploadRate)
    }

    package func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? {
        try await host.answer(Double.self, to: .ledgerRate, service, moment)
    }
}
