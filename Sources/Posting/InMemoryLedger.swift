package import Foundation
package import PipelineKit
import Synchronization

/// A ledger that lives as long as the process: for tests and for runs that leave no trace.
///
/// It takes every decision where the durable ledger takes it, in ``PostRecord/applying(_:at:)`` and ``PostTransition``.
/// ``PostLedgerConformance`` holds both to the same behaviour.
package final class InMemoryLedger: PostLedger {
    private struct State {
        var records: [PostKey: PostRecord] = [:]
        var cuts: [PostKey: [Double]] = [:]
        var history: [PostState] = []
        var rates: [(service: String, measuredAt: Date, bytesPerSecond: Double)] = []
    }
    private let state = Mutex(State())
    private let now: @Sendable () -> Date

    package init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

    /// Every state that was written, in order.
    package var history: [PostState] { state.withLock { $0.history } }
    package var records: [PostRecord] { state.withLock { Array($0.records.values) } }
    /// The upload rates that were noted, in bytes a second.
    package var uploadRates: [Double] { state.withLock { $0.rates.map(\.bytesPerSecond) } }

    /// Puts a post into a state, as an earlier run would have left it.
    package func put(_ record: PostRecord) { state.withLock { $0.records[record.key] = record } }

    package func find(_ key: PostKey) async throws(StageError) -> PostRecord? { state.withLock { $0.records[key] } }

    package func series(_ key: PostKey) async throws(StageError) -> [PostRecord] {
        state.withLock { state in
            state.records.values.filter { record in
                record.key.account == key.account && record.key.digest == key.digest
                    && (record.key.slot == key.slot || record.key.slot.hasPrefix(key.seriesPrefix))
            }.sorted { $0.key.slot < $1.key.slot }
        }
    }

    package func cuts(_ key: PostKey) async throws(StageError) -> [Double]? { state.withLock { $0.cuts[key] } }

    package func keep(cuts: [Double], _ key: PostKey) async throws(StageError) {
        state.withLock { $0.cuts[key] = cuts }
    }

    package func reserve(_ key: PostKey, asset: String, runID: String) async throws(StageError) -> PostRecord {
        let moment = now()
        return state.withLock { state in
            guard var record = state.records[key] else {
                let record = PostRecord(
                    id: "post-\(state.records.count + 1)", key: key, asset: asset, runID: runID, updatedAt: moment)
                state.records[key] = record
                state.history.append(.reserved)
                return record
            }
            if record.state == .failed {
                record = record.reclaimed(asset: asset, runID: runID, at: moment)
                state.history.append(.reserved)
            } else if [.reserved, .sending, .accepted, .uploaded].contains(record.state) {
                record.runID = runID
            }
            state.records[key] = record
            return record
        }
    }

    @discardableResult
    package func apply(_ change: PostChange, to id: String) async throws(StageError) -> PostRecord {
        let moment = now()
        return try state.withLock { (state) throws(StageError) in
            guard let current = state.records.values.first(where: { $0.id == id }) else {
                throw StageError(.internalFault, "there is no post \(id) in the ledger")
            }
            guard let record = current.applying(change, at: moment) else {
                throw PostTransition.refusal(current, change)
            }
            state.records[record.key] = record
            state.history.append(change.state)
            return record
        }
    }

    package func note(uploadRate: Double, to service: String) async throws(StageError) {
        let moment = now()
        state.withLock { $0.rates.append((service, moment, uploadRate)) }
    }

    package func uploadRate(to service: String, since moment: Date) async throws(StageError) -> Double? {
        state.withLock { state in
            state.rates.filter { $0.service == service && $0.measuredAt >= moment }.map(\.bytesPerSecond).max()
        }
    }
}
