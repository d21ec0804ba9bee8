/// Shields work from cancellation, such as recording a request that has already been sent.
package enum Uncancelled {
    /// Runs `body` to completion, even if the current task is cancelled.
    package static func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(StageError) -> Value
    ) async throws(StageError) -> Value {
        let work = Task { () async -> Result<Value, StageError> in
            do throws(StageError) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return try await work.value.get()
    }
}
