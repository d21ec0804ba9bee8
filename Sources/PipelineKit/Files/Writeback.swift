import CProcess
import Glibc

/// Writing to the disk ahead of the moment when somebody waits for it.
package enum Writeback {
    /// Has the system begin to write what is still in memory of the file at `path`. A hint: it fails in silence.
    package static func begin(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        spreader_begin_writeback(descriptor)
    }
}
