import PipelineKit

/// Work that is finished also when its task is cancelled meanwhile: tokens that the service has handed out are lost when
/// nobody writes them down.
enum Uncancelled {
    static func run<Value: Sendable>(
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
