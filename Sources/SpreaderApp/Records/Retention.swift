import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
package import PipelineKit
import StageHosting
package import Store

/// Deletes old runs and jobs with their records, work files and shared footage.
package struct Retention: Sendable {
    let assembly: HostAssembly

    package init(assembly: HostAssembly) {
        self.assembly = assembly
    }

    /// How long to keep runs (`SPREADER_RETENTION`); nil means for ever.
    /// - Throws: `StageError` with code `configuration` if the value is not a duration.
    package static func setting(_ settings: Settings) throws(StageError) -> Duration? {
        guard let text = settings["SPREADER_RETENTION"] else { return nil }
        guard let length = length(text) else {
            throw StageError(
                .configuration, "SPREADER_RETENTION is \"\(text)\"", hint: "set it to a number of days such as 90d")
        }
        return length
    }

    /// Parses a duration that must have a unit: a plain 90 would mean seconds, but the user probably means days.
    package static func length(_ text: String) -> Duration? {
        guard text.last?.isLetter == true, let length = Duration(parsing: text), length > .zero else { return nil }
        return length
    }

    /// Deletes the runs that began longer than `age` ago, except those under way.
    /// - Parameter isTrial: Whether to delete nothing, for `--dry-run`.
    /// - Returns: The runs that were deleted, or would be.
    /// - Throws: `StageError` if the journal can't be read or written.
    package func prune(olderThan age: Duration, isTrial: Bool = false) async throws(StageError) -> [RunRecord] {
        var erased: [RunRecord] = []
        for run in try await assembly.journal.runs(
            before: assembly.store.clock.now().addingTimeInterval(-age.inSeconds))
        {
            // If the lock is taken, another process is working on the run.
            guard let lock = try await assembly.locks.attempt("run-\(run.fingerprint)") else { continue }
            try await lock.during { () async throws(StageError) in
                guard !isTrial else { return }
                try? FileManager.default.removeItem(atPath: run.workDirectory)
                try await assembly.journal.erase(run.id)
            }
            erased.append(run)
        }
        if !isTrial {
            let jobs = JobQueue(assembly.store)
            _ = try await jobs.prune(olderThan: age)
            // A bucket expires its objects with a lifecycle rule.
            if let folder = assembly.artifacts as? FolderArtifacts {
                let wanted = try await jobs.neededFootage()
                _ = folder.prune(olderThan: age, now: assembly.store.clock.now(), keeping: wanted)
            }
        }
        return erased
    }
}
