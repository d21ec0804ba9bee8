import PipelineKit

/// The digest of one file, begun before it is known whether it will be wanted.
package final class DigestAhead: Sendable {
    let path: String
    let mark: FileMark
    private let work: Task<Result<String, StageError>, Never>

    /// Begins to read the file at `path`; nil when there is none.
    package init?(of path: String) {
        guard let mark = FileMark(path) else { return nil }
        self.path = path
        self.mark = mark
        work = Task {
            do throws(StageError) {
                return .success(try await FileDigests.compute(path))
            } catch {
                return .failure(error)
            }
        }
    }

    deinit { work.cancel() }

    /// Stops reading: the digest is not wanted.
    package func cancel() { work.cancel() }

    /// The digest of the content that the file had at `mark`; nil when reading was stopped, though not by the caller.
    /// - Throws: As `FileDigests.sha256(of:)`.
    func value() async throws(StageError) -> String? {
        let result = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        if case .failure(let error) = result, error.code == .cancelled, !Task.isCancelled { return nil }
        return try result.get()
    }
}
