import Glibc

/// A cheap fingerprint of a file (inode, size, mtime, ctime) that changes whenever the file is written to.
package struct FileFingerprint: Sendable, Equatable {
    package let bytes: Int64
    /// The inode number within the file system.
    package let inode: Int64
    /// mtime in nanoseconds since 1970. Programs can set it to any value.
    package let modified: Int64
    /// ctime in nanoseconds since 1970. Only the file system sets it.
    package let changed: Int64

    /// Returns nil when `path` can't be examined; `errno` says why.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        bytes = Int64(status.st_size)
        inode = Int64(truncatingIfNeeded: status.st_ino)
        modified = nanoseconds(status.st_mtim)
        changed = nanoseconds(status.st_ctim)
    }

    /// - Throws: `StageError` with code `file-system` and the system's reason when `path` can't be examined.
    package init(of path: String) throws(StageError) {
        guard let fingerprint = FileFingerprint(path) else {
            throw StageError(.fileSystem, "can't read \(path): \(String(cString: strerror(errno)))")
        }
        self = fingerprint
    }
}
