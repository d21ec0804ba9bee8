import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// Erases what runs and jobs left behind once it is old enough: records, work files, claims on output names.
struct Retention: Sendable {
    let assembly: HostAssembly

    /// How long runs are kept: `SPREADER_RETENTION`; nil for ever.
    /// - Throws: `StageError` with code `configuration` for what is no duration.
    static func setting(_ settings: Settings) throws(StageError) -> Duration? {
        guard let text = settings["SPREADER_RETENTION"] else { return nil }
        guard let length = length(text) else {
            throw StageError(
                .configuration, "SPREADER_RETENTION is \"\(text)\"", hint: "set it to a number of days such as 90d")
        }
        return length
    }

    /// A duration with its unit: whoever writes 90 means days, not the seconds that it would be elsewhere.
    static func length(_ text: String) -> Duration? {
        guard text.last?.isLetter == true, let length = Duration(parsing: text), length > .zero else { return nil }
        return length
    }

    /// Erases the runs that began longer than `age` ago. One that is under way is left alone.
    /// - Parameter isTrial: Whether nothing is erased.
    /// - Returns: Those that were erased, or would be.
    /// - Throws: `StageError` when the journal can't be read or written.
    func prune(olderThan age: Duration, isTrial: Bool = false) async throws(StageError) -> [RunRecord] {
        var erased: [RunRecord] = []
        for run in try await assembly.journal.runs(
            before: assembly.store.clock.now().addingTimeInterval(-age.inSeconds))
        {
            // A lock that can't be had belongs to a process that works on the run.
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
            // A bucket has rules of its own for that.
            if let folder = assembly.artifacts as? FolderArtifacts {
                let wanted = try await jobs.wantedFootage()
                _ = folder.prune(olderThan: age, now: assembly.store.clock.now(), keeping: wanted)
            }
        }
        return erased
    }
}
