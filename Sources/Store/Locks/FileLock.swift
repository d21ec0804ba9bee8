import Foundation
import Glibc

/// An advisory file lock between processes. The kernel releases it when the process ends, even after a crash.
final class FileLock: Sendable {
    private let descriptor: Int32
    private let path: String

    /// Takes the lock without waiting; returns nil when it is held.
    /// - Throws: `CocoaError` or a POSIX error when the lock file can't be created.
    static func attempt(_ path: String) throws -> FileLock? {
        try FileManager.default.createDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                return nil
            }
            // The previous holder may have unlinked the file between open and flock; such a lock excludes no other process.
            var locked = stat()
            var current = stat()
            if fstat(descriptor, &locked) == 0, stat(path, &current) == 0, locked.st_ino == current.st_ino,
                locked.st_dev == current.st_dev
            {
                return FileLock(descriptor, path)
            }
            close(descriptor)
        }
    }

    private init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        unlink(path)
        close(descriptor)
    }
}
