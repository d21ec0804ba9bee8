package import Foundation
package import PipelineKit

/// The durable record of posts, which prevents duplicates across runs, processes and crashes.
package protocol PostLedger: Sendable {
    /// Returns the post with `key`; nil when there is none.
    /// - Throws: `StageError` when the ledger can't be read.
    func find(_ key: PostKey) async throws(StageError) -> PostRecord?
    /// Returns the posts of the same footage and account whose slot is that of `key`, or that slot followed by `#`.
    /// - Throws: `StageError` when the ledger can't be read.
    func series(_ key: PostKey) async throws(StageError) -> [PostRecord]
    /// Returns the cuts of footage that is posted in parts, in seconds on the footage's timeline, as saved by
    /// ``keep(cuts:_:)``; nil when none were saved.
    /// - Throws: `StageError` when the ledger can't be read.
    func cuts(_ key: PostKey) async throws(StageError) -> [Double]?
    /// Saves the cuts of the footage, so that a later run posts the same parts; replaces earlier ones.
    /// - Throws: `StageError` when the ledger can't be written.
    func keep(cuts: [Double], _ key: PostKey) async throws(StageError)
    /// Claims the post with `key`. Returns a new record, the existing one, or a failed one that is `reserved` again.
    /// - Throws: `StageError` when the ledger can't be written.
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord
    /// Changes the state of a post; the change is on disk when the call returns.
    /// - Throws: `StageError` when the current state doesn't allow the change, or the ledger can't be written.
    @discardableResult
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord
    /// Records the rate of an upload to a service, in bytes per second.
    /// - Throws: `StageError` when the ledger can't be written.
    func note(uploadRate: Double, to service: String) async throws(StageError)
    /// Returns the highest upload rate to a service since `moment`, in bytes per second; nil when none was recorded.
    /// - Throws: `StageError` when the ledger can't be read.
    func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double?
}

extension PostLedger {
    /// Default: at most the post with exactly this key.
    package func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await find(key).map { [$0] } ?? []
    }
    /// Default for ledgers that don't save cuts: nil.
    package func cuts(_ key: PostKey) async throws(StageError) -> [Double]? { nil }
    /// Default for ledgers that don't save cuts: does nothing.
    package func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {}
    /// Default for ledgers that don't record rates: does nothing.
    package func note(uploadRate: Double, to service: String) async throws(StageError) {}
    /// Default for ledgers that don't record rates: nil.
    package func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? { nil }
}
