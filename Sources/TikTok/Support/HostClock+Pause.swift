import PipelineKit

extension HostClock {
    /// Suspends the task for `duration`; returns at once if that is not positive.
    /// - Throws: ``StageError/cancelled`` if the task is cancelled meanwhile.
    func pause(for duration: Duration) async throws(StageError) {
        guard duration > .zero else { return }
        do {
            try await sleep(duration)
        } catch {
            throw .cancelled
        }
    }
}
