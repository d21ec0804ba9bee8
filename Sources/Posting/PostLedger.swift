package import Foundation
package import PipelineKit

/// The durable record of posts.
package protocol PostLedger: Sendable {
    /// The post with `key`, or nil when there never was one.
    /// - Throws: `StageError` when the ledger can't be read.
    func find(_ key: PostKey) async throws(StageError) -> PostRecord?
    /// The posts of the same footage and account under the slot of `key`, and under those that begin with it and `#`.
    /// - Throws: `StageError` when the ledger can't be read.
    func series(_ key: PostKey) async throws(StageError) -> [PostRecord]
    /// Where footage is cut that is posted in parts, in seconds of its own time, as it was kept under `key`; nil when that
    /// is not known.
    /// - Throws: `StageError` when the ledger can't be read.
    func cuts(_ key: PostKey) async throws(StageError) -> [Double]?
    /// Keeps where footage is cut, instead of what was kept under `key` before.
    /// - Throws: `StageError` when the ledger can't be written.
    func keep(cuts: [Double], _ key: PostKey) async throws(StageError)
    /// Claims the post with `key`: a new record, the existing one, or an earlier failed one made `reserved` again.
    /// - Throws: `StageError` when the ledger can't be written.
    func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord
    /// Takes a post one step further; the step is on disk when the call returns.
    /// - Throws: `StageError` when the step is not allowed from where the post stands, or can't be written.
    @discardableResult
    func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord
    /// Keeps how fast an upload to a service went, in bytes a second.
    /// - Throws: `StageError` when it can't be written.
    func note(uploadRate: Double, to service: String) async throws(StageError)
    /// The fastest upload to a service since a moment, in bytes a second; nil when none was measured.
    /// - Throws: `StageError` when it can't be read.
    func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double?
}

extension PostLedger {
    /// The one post.
    package func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        try await find(key).map { [$0] } ?? []
    }
    /// Knows nothing.
    package func cuts(_ key: PostKey) async throws(StageError) -> [Double]? { nil }
    /// Keeps nothing.
    package func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {}
    /// Keeps nothing.
    package func note(uploadRate: Double, to service: String) async throws(StageError) {}
    /// Knows nothing.
    package func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? { nil }
}
