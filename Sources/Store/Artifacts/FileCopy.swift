import PipelineKit

/// Copies files off the cooperative pool.
enum FileCopy {
    /// Copies a file's content to a new file and syncs it to disk.
    /// - Throws: `StageError` with code `file-system` or `disk-full`, or `cancelled` when the task is cancelled.
    static func copy(_ source: String, to target: String) async throws(StageError) {
        try await BlockingWork.run(name: "copy") { (flag) throws(StageError) in
            try OutputFolder.copy(source, to: target, flag: flag)
        }
    }
}
