package import Foundation
import Logging
package import PipelineKit
import Posting

/// Contexts for trying a stage outside a run: without account, ledger and stored notes.
package enum BareContext {
    /// Creates a context for ``Stage/run(_:_:)``.
    /// - Parameter folder: The stage's work folder.
    package static func running(in folder: URL) -> StageContext {
        let services = Unavailable()
        var context = StageContext(
            runID: "trial", stageID: "stage", asset: "sample.mp4", workDirectory: folder,
            logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }, checkpoints: services, permits: services)
        context.services.posting = PostingServices(
            key: PostKey(account: "trial", digest: "0", slot: "trial"), ledger: services, credentials: services)
        return context
    }

    /// A context for ``Stage/check(_:)``.
    static var checking: CheckContext { CheckContext(post: PostSettings(), account: "default", settings: [:]) }

    private struct Unavailable: CredentialProvider, Checkpoints, RatePermits, PostLedger {
        private static let error = StageError(.configuration, "accounts and posts are not available outside a run")

        func problem(with account: String) -> Diagnostic? { nil }
        func credentials(for account: String) async throws(StageError) -> Credentials { throw Self.error }
        func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
            throw Self.error
        }
        func value(_ key: String) async throws(StageError) -> JSONValue? { nil }
        func set(_ key: String, to value: JSONValue) async throws(StageError) {}
        func acquire(_ limit: RateLimit) async throws(StageError) {}
        func find(_ key: PostKey) async throws(StageError) -> PostRecord? { nil }
        func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
            throw Self.error
        }
        func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord { throw Self.error }
    }
}
