import PipelineKit

/// Copies files off the cooperative pool.
enum FileCopy {
    /// Copies a file's content to a new file, which is on the disk afterwards.
    /// - Throws: `StageError` with code `file-system` or `disk-full`; `cancelled` when the task is.
    static func copy(_ source: String, to target: String) async throws(StageError) {
        try await BlockingWork.run(name: "copy") { (flag) throws(StageError) in
            try OutputFolder.copy(source, to: target, flag: flag)
        }
    }
}
