import Glibc

/// Reads files from beginning to end in pieces that share one piece of memory: new memory for each would cost as much
/// as a digest of it.
package enum FileBlocks {
    /// Why reading ended early.
    package enum Failure: Error, Sendable, Hashable {
        /// The work was asked to stop.
        case cancelled
        /// The system refused, with this `errno`.
        case system(Int32)
    }

    private static let size = 1 << 18

    /// Gives `body` one piece after the other; what it is given is valid until it returns. Blocks the thread.
    package static func read(
        _ path: String, cancellation: CancellationFlag, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: size)
        while true {
            if cancellation.isCancelled { throw .cancelled }
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(errno) }
            if count == 0 { return }
            block.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
