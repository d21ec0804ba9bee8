/// Runs `body` to its end even if the calling task is cancelled meanwhile.
///
/// Use it to record what already happened elsewhere: a post that was created, tokens that were rotated. Such facts are
/// lost if the write is cancelled.
package func withCancellationShield<Value: Sendable>(
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
