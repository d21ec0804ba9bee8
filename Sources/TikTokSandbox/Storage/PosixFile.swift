import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An open file, read and written at explicit offsets. Owns its file descriptor.
///
/// The calls block, but they only copy up to ``bufferSize`` bytes to or from the page cache, which is cheaper than a
/// thread hop.
final class PosixFile: Sendable {
    /// The size in bytes of a streaming read.
    static let bufferSize = 256 * 1024

    private let descriptor: Int32

    /// How to open the file. All but `read` create it if it is missing.
    enum Mode {
        case read, readWrite, append
    }

    init(_ url: URL, _ mode: Mode) throws(PosixError) {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR | O_CREAT
            case .append: O_WRONLY | O_CREAT | O_APPEND
            }
        descriptor = open(url.path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PosixError(operation: "open", path: url.path) }
    }

    deinit {
        close(descriptor)
    }

    /// The length of the file in bytes.
    var size: Int64 {
        get throws(PosixError) {
            // Moves the descriptor's own position, which nothing else uses.
            let end = lseek(descriptor, 0, SEEK_END)
            guard end >= 0 else { throw PosixError(operation: "seek", path: "") }
            return Int64(end)
        }
    }

    /// Reads up to `count` bytes at `offset`; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(PosixError) -> [UInt8] {
        guard count > 0, offset >= 0 else { return [] }
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let bytesRead = pread(descriptor, base + filled, count - filled, off_t(offset) + off_t(filled))
                if bytesRead < 0 {
                    if errno == EINTR { continue }
                    failed = true
                    return
                }
                if bytesRead == 0 { return }
                filled += bytesRead
            }
        }
        guard !failed else { throw PosixError(operation: "read", path: "") }
        return bytes
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(PosixError) {
        try writeAll(bytes, operation: "write") { rest, written in
            pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(written))
        }
    }

    /// Appends `data`. A kill can leave only the last line partial.
    func append(_ data: Data) throws(PosixError) {
        // A `Result`, because `withUnsafeBytes` does not keep the type of a thrown error.
        let result = data.withUnsafeBytes { bytes in
            Result { () throws(PosixError) in
                try writeAll(bytes, operation: "append") { rest, _ in systemWrite(rest) }
            }
        }
        try result.get()
    }

    /// Calls `write` with the rest of the bytes and the number of bytes written so far, until all are written.
    private func writeAll(
        _ bytes: UnsafeRawBufferPointer, operation: String,
        write: (_ rest: UnsafeRawBufferPointer, _ written: Int) -> Int
    ) throws(PosixError) {
        var written = 0
        while written < bytes.count {
            let count = write(UnsafeRawBufferPointer(rebasing: bytes[written...]), written)
            if count < 0 {
                if errno == EINTR { continue }
                throw PosixError(operation: operation, path: "")
            }
            written += count
        }
    }

    /// `write(2)`, qualified because the method of that name hides it.
    private func systemWrite(_ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
            Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    func truncate(to length: Int64) throws(PosixError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw PosixError(operation: "truncate", path: "") }
    }

    /// Takes an exclusive advisory lock. The kernel releases it with the descriptor, even after `kill -9`.
    func tryLock() -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    func unlock() {
        _ = flock(descriptor, LOCK_UN)
    }
}

/// A failed system call.
struct PosixError: Error, Sendable, CustomStringConvertible {
    let operation: String
    let path: String
    let number: Int32

    init(operation: String, path: String) {
        self.operation = operation
        self.path = path
        self.number = errno
    }

    var description: String {
        let reason = String(cString: strerror(number))
        return path.isEmpty ? "\(operation): \(reason)" : "\(operation) \(path): \(reason)"
    }
}
