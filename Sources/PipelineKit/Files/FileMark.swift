import Glibc

/// What of a file changes with any writing to it, without reading it.
package struct FileMark: Sendable, Equatable {
    /// Size in bytes.
    package let bytes: Int64
    /// Number of the file in its file system.
    package let inode: Int64
    /// When its content was last said to have changed, in nanoseconds since 1970. Programs set it as they like.
    package let modified: Int64
    /// When content or facts last changed, in nanoseconds since 1970. Only the file system sets it.
    package let changed: Int64

    /// The mark of the file at `path`; nil when there is none, and `errno` says why.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        bytes = Int64(status.st_size)
        inode = Int64(truncatingIfNeeded: status.st_ino)
        modified = nanoseconds(status.st_mtim)
        changed = nanoseconds(status.st_ctim)
    }
}
