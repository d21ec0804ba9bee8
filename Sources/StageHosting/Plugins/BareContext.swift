package import Foundation
import Logging
package import PipelineKit
import Posting

/// The context of a stage that is tried by itself: no run, no account, no records.
package enum BareContext {
    /// A context.
    /// - Parameter folder: Its work folder.
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

    /// The context of a check.
    static var checking: CheckContext { CheckContext(post: PostSettings(), account: "default", settings: [:]) }

    private struct Nothing: CredentialProvider, Checkpoints, RatePermits, PostLedger {
        private static let absent = StageError(.configuration, "a stage that is tried by itself has no account")

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
