import Foundation
import Glibc

/// An advisory lock that holds across processes and is gone with its process, however that ends.
package final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock at once, or gives nil when another holder has it.
    /// - Throws: `CocoaError` or a POSIX error when the lock file can't be made.
    package static func attempt(_ path: String) throws -> FileLock? {
        try FileManager.default.createDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return FileLock(descriptor)
    }

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
}
