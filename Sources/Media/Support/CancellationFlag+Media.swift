package import PipelineKit

extension CancellationFlag {
    /// Throws once the work was asked to stop.
    /// - Parameter operation: What was being done.
    package func check(_ operation: @autoclosure () -> String) throws(MediaError) {
        if isCancelled { throw .cancelled(operation()) }
    }
}
