package import PipelineKit

extension CancellationFlag {
    /// Throws `MediaError.cancelled` if the work was cancelled.
    /// - Parameter operation: What was being done, for the error.
    package func check(_ operation: @autoclosure () -> String) throws(MediaError) {
        if isCancelled { throw .cancelled(operation()) }
    }
}
