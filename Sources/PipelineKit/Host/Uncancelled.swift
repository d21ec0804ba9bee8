/// Work that is finished also when its task is cancelled meanwhile: what happened elsewhere is lost when nobody writes it
/// down.
package enum Uncancelled {
    /// Runs `body` to its end.
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
