import Glibc

/// Reads a file in blocks through one reused buffer: allocating a buffer per block would cost as much as hashing it.
package enum FileBlocks {
    /// Why reading stopped before the end of the file.
    package enum Failure: Error, Sendable, Hashable {
        case cancelled
        /// A system call failed with this `errno`.
        case system(Int32)
    }

    private static let size = 1 << 18

    /// Passes the blocks to `body` in order; the buffer is valid only during the call. Blocks the thread.
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
