import Crypto
import Dispatch
import Foundation
import NIOCore
import PipelineKit
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An open file to read in ranges, which must not change while it is in use.
///
/// Owns its file descriptor. Reads block, so they run on a dispatch queue instead of the cooperative pool.
package final class FileSource: Sendable {
    /// Why a file can't be sent.
    package struct Problem: Error, Sendable, Hashable {
        package var message: String
    }

    /// The size in bytes when the file was opened.
    package let bytes: Int64
    private let descriptor: Int32
    private let opened: Identity
    private let queue = DispatchQueue(label: "tiktok.file-source")
    /// The buffer of the last piece, reused for the next one because it is still in the CPU cache.
    private let spare = Mutex(ByteBuffer())

    private struct Identity: Equatable {
        var bytes: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    /// Opens the file at `path` for reading.
    package init(path: String) throws(Problem) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Problem(message: "can't open \(path): \(Self.errorText())")
        }
        guard let identity = Self.identity(of: descriptor) else {
            close(descriptor)
            throw Problem(message: "can't read the size of \(path): \(Self.errorText())")
        }
        self.descriptor = descriptor
        opened = identity
        bytes = identity.bytes
    }

    deinit { close(descriptor) }

    /// Whether the size and modification time are the same as when the file was opened.
    package var isUnchanged: Bool { Self.identity(of: descriptor) == opened }

    /// Reads exactly `count` bytes at `offset`.
    ///
    /// Reuses the memory of the previous piece once the network has released it.
    /// - Throws: `Problem` if the file is shorter now, has changed, or can't be read.
    func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        // Keep a single reference to the buffer at any time, so that writing to it does not copy it.
        let space = Space(
            spare.withLock { spare in
                defer { spare = ByteBuffer() }
                spare.clear(minimumCapacity: count)
                return spare
            })
        let piece = try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(
                    with: Result {
                        try space.buffer.withLock { (buffer) throws(Problem) in
                            try self.fill(&buffer, at: offset, count: count)
                            return buffer
                        }
                    })
            }
        }
        spare.withLock { $0 = piece }
        return piece
    }

    /// Transfers a buffer to the reading queue.
    private final class Space: Sendable {
        let buffer: Mutex<ByteBuffer>

        init(_ buffer: consuming ByteBuffer) { self.buffer = Mutex(buffer) }
    }

    private func fill(_ buffer: inout ByteBuffer, at offset: Int64, count: Int) throws(Problem) {
        while buffer.readableBytes < count {
            let position = offset + Int64(buffer.readableBytes)
            let missing = count - buffer.readableBytes
            let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                let read = pread(descriptor, space.baseAddress, min(missing, space.count), off_t(position))
                return max(0, read)
            }
            guard read > 0 else { throw Problem(message: "the file is shorter than it was, or can't be read") }
        }
        guard isUnchanged else { throw Problem(message: "the file changed while it was being sent") }
    }

    private static func identity(of descriptor: Int32) -> Identity? {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return nil }
        #if canImport(Darwin)
            let changed = information.st_mtimespec
        #else
            let changed = information.st_mtim
        #endif
        return Identity(bytes: Int64(information.st_size), seconds: changed.tv_sec, nanoseconds: changed.tv_nsec)
    }

    private static func errorText() -> String { String(cString: strerror(errno)) }
}

extension FileSource {
    /// Returns the SHA-256 of the content in lower-case hex.
    /// - Throws: `Problem` if the file can't be read or changes in the meantime.
    package func sha256() async throws(Problem) -> String {
        var hash = SHA256()
        var offset: Int64 = 0
        while offset < bytes {
            let count = Int(min(Int64(1_048_576), bytes - offset))
            do {
                hash.update(data: Data(try await read(at: offset, count: count).readableBytesView))
            } catch let problem as Problem {
                throw problem
            } catch {
                throw Problem(message: "the file can't be read")
            }
            offset += Int64(count)
        }
        return hash.finalize().lowercaseHex
    }
}
