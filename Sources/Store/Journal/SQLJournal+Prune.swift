package import Foundation
package import PipelineKit

extension SQLJournal {
    /// Runs that started before `date`, oldest first.
    /// - Throws: `StageError` when the journal can't be read.
    package func runs(before date: Date) async throws(StageError) -> [RunRecord] {
        try await read {
            try $0.query("SELECT * FROM runs WHERE startedAt < ? ORDER BY startedAt", [date]).map(RunRecord.init)
        }
    }

    /// Deletes a run with its assets, stages and checkpoints. Its posts stay in the ledger.
    /// - Throws: `StageError` when the journal can't be written.
    package func erase(_ id: String) async throws(StageError) {
        try await write { try $0.execute("DELETE FROM runs WHERE id = ?", [id]) }
    }
}
