package import Foundation
import Logging
package import PipelineKit
import Posting

/// Contexts for trying a stage outside a run: without account, ledger and stored notes.
package enum BareContext {
    /// Creates a context for ``Stage/run(_:_:)``.
    /// - Parameter folder: The stage's work folder.
    package static func make(_ folder: URL) -> StageContext {
        let nothing = Nothing()
        var context = StageContext(
            runID: "trial", stageID: "stage", asset: "sample.mp4", workDirectory: folder, post: PostSettings(),
            account: "default", logger: Logger(label: "trial") { _ in SwiftLogNoOpLogHandler() }, progress: { _ in },
            checkpoints: nothing, permits: nothing)
        context.services.posting = PostingServices(
            key: PostKey(account: "trial", digest: "0", slot: "trial"), ledger: nothing, credentials: nothing)
        return context
    }

    /// A context for ``Stage/check(_:)``.
    static var checking: CheckContext { CheckContext(post: PostSettings(), account: "default", settings: [:]) }

    private struct Nothing: CredentialProvider, Checkpoints, RatePermits, PostLedger {
        private static let absent = StageError(.configuration, "accounts and posts are not available outside a run")

        func problem(with account: String) -> Diagnostic? { nil }
        func credentials(for account: String) async throws(StageError) -> Credentials { throw Self.absent }
        func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
            throw Self.absent
        }
        func value(_ key: String) async throws(StageError) -> JSONValue? { nil }
        func set(_ key: String, to value: JSONValue) async throws(StageError) {}
        func acquire(_ limit: RateLimit) async throws(StageError) {}
        func find(_ key: PostKey) async throws(StageError) -> PostRecord? { nil }
        func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
            throw Self.absent
        }
        func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord { throw Self.absent }
    }
}
