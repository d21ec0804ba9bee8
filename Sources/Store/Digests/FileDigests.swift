import Crypto
import Foundation
import GRDB
import Glibc
package import PipelineKit

/// SHA-256 of files, remembered by size, modification time and inode so that gigabytes aren't read twice.
package struct FileDigests: Sendable {
    private let records: DatabasePool?

    /// Digests remembered in `store`, or not at all.
    package init(_ store: SQLiteStore?) { records = store?.records }

    /// The digest of the file at `path`.
    /// - Throws: `StageError` with code `file-system` when it can't be read; `cancelled` when the task is.
    package func sha256(of path: String) async throws(StageError) -> String {
        let mark = try Self.mark(of: path)
        if let records {
            let known = try await StoreError.bridge("reading the digests failed") {
                try await records.read { database in
                    try String.fetchOne(
                        database,
                        sql: "SELECT sha256 FROM digests WHERE path = ? AND bytes = ? AND modified = ? AND inode = ?",
                        arguments: [path, mark.bytes, mark.modified, mark.inode])
                }
            }
            if let known { return known }
        }
        let digest = try await Self.compute(path)
        // A file that changed under the reader is not remembered.
        if let records, try Self.mark(of: path) == mark {
            try await StoreError.bridge("writing the digests failed") {
                try await records.write { database in
                    try database.execute(
                        sql:
                            "INSERT OR REPLACE INTO digests (path, bytes, modified, inode, sha256) VALUES (?, ?, ?, ?, ?)",
                        arguments: [path, mark.bytes, mark.modified, mark.inode, digest])
                }
            }
        }
        return digest
    }

    /// Size of the file at `path` in bytes.
    /// - Throws: `StageError` with code `file-system` when there is none.
    package static func size(of path: String) throws(StageError) -> Int64 { try mark(of: path).bytes }

    private struct Mark: Equatable {
        var bytes: Int64
        var modified: Int64
        var inode: Int64
    }

    private static func mark(of path: String) throws(StageError) -> Mark {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw StageError(.fileSystem, "can't read \(path): \(String(cString: strerror(errno)))")
        }
        return Mark(
            bytes: Int64(status.st_size),
            modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
            inode: Int64(truncatingIfNeeded: status.st_ino))
    }

    /// Reads the whole file on a thread of its own: never on the cooperative pool.
    private static func compute(_ path: String) async throws(StageError) -> String {
        try await BlockingWork.run(name: "digest") { (flag) throws(StageError) in try read(path, flag) }
    }

    private static func read(_ path: String, _ cancellation: CancellationFlag) throws(StageError) -> String {
        func failure() -> StageError {
            StageError(.fileSystem, "can't read \(path): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var hasher = SHA256()
        // One piece of memory for all blocks: new ones would cost as much as the digest.
        var block = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            if cancellation.isCancelled { throw .cancelled }
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { return hasher.finalize().map { String(format: "%02x", $0) }.joined() }
            block.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
