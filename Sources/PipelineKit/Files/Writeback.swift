import CProcess
import Glibc

/// Starts writing a file to disk early, so that a later sync takes less time.
package enum Writeback {
    /// Starts writing the dirty pages of the file at `path`. Only a hint: errors are ignored.
    package static func begin(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        spreader_begin_writeback(descriptor)
    }
}
