import PipelineKit

/// A digest that is computed in the background before it is known to be needed.
package final class DigestAhead: Sendable {
    let path: String
    let fingerprint: FileFingerprint
    private let work: Task<Result<String, StageError>, Never>

    /// Starts reading the file at `path`; returns nil when there is none.
    package init?(of path: String) {
        guard let fingerprint = FileFingerprint(path) else { return nil }
        self.path = path
        self.fingerprint = fingerprint
        work = Task {
            do throws(StageError) {
                return .success(try await FileDigests.compute(path))
            } catch {
                return .failure(error)
            }
        }
    }

    deinit { work.cancel() }

    /// Stops reading when the digest is not needed.
    package func cancel() { work.cancel() }

    /// Waits for the digest of the file as it was at `fingerprint`; nil when ``cancel()`` stopped the reading.
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
