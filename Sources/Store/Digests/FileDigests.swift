import Crypto
import Foundation
package import PipelineKit

/// SHA-256 of files, remembered by size, mtime and inode to avoid reading large files again.
package struct FileDigests: Sendable {
    private let records: (any SQLDatabase)?
    /// A digest that is already being computed, to be used if it fits.
    package var ahead: DigestAhead?

    private let remembers: Bool

    /// - Parameters:
    ///   - store: Where to remember digests; nil to compute each one.
    ///   - remembers: Whether to write new digests to `store`; otherwise it is only read.
    package init(_ store: RecordStore?, remembers: Bool = true) {
        records = store?.records
        self.remembers = remembers
    }

    /// Returns the digest of the file at `path` as lower-case hex.
    /// - Throws: `StageError` with code `file-system` when the file can't be read, or `cancelled`.
    package func sha256(of path: String) async throws(StageError) -> String {
        let mark = try Self.mark(of: path)
        if let known = try await remembered(path, mark) {
            // A digest for another file may still be needed.
            if let ahead, ahead.path == path { ahead.cancel() }
            return known
        }
        var begun: String?
        if let ahead, ahead.path == path, ahead.mark == mark { begun = try await ahead.value() }
        let digest: String
        if let begun { digest = begun } else { digest = try await Self.compute(path) }
        // Don't remember the digest of a file that changed while it was read.
        if try Self.mark(of: path) == mark { try await write(digest, of: path, mark) }
        return digest
    }

    private func remembered(_ path: String, _ mark: FileFingerprint) async throws(StageError) -> String? {
        guard let records else { return nil }
        return try await StoreError.bridge("reading the digests failed") {
            try await records.read { connection in
                try connection.query(
                    "SELECT sha256 FROM digests WHERE path = ? AND bytes = ? AND modified = ? AND inode = ?",
                    [path, mark.bytes, mark.modified, mark.inode]
                ).first?.get("sha256", as: String.self)
            }
        }
    }

    private func write(_ digest: String, of path: String, _ mark: FileFingerprint) async throws(StageError) {
        guard let records, remembers else { return }
        _ = try await StoreError.bridge("writing the digests failed") {
            try await records.write { connection in
                try connection.execute(
                    """
                    INSERT INTO digests (path, bytes, modified, inode, sha256) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (path) DO UPDATE SET bytes = excluded.bytes, modified = excluded.modified,
                        inode = excluded.inode, sha256 = excluded.sha256
                    """, [path, mark.bytes, mark.modified, mark.inode, digest])
            }
        }
    }

    /// Returns the size of the file at `path` in bytes.
    /// - Throws: `StageError` with code `file-system` when the file can't be examined.
    package static func size(of path: String) throws(StageError) -> Int64 { try mark(of: path).bytes }

    private static func mark(of path: String) throws(StageError) -> FileFingerprint {
        guard let mark = FileFingerprint(path) else { throw unreadable(path, errno) }
        return mark
    }

    private static func unreadable(_ path: String, _ number: Int32) -> StageError {
        StageError(.fileSystem, "can't read \(path): \(String(cString: strerror(number)))")
    }

    /// Computes the digest on a thread of its own, off the cooperative pool.
    static func compute(_ path: String) async throws(StageError) -> String {
        try await BlockingWork.run(name: "digest") { (flag) throws(StageError) in try read(path, flag) }
    }

    private static func read(_ path: String, _ cancellation: CancellationFlag) throws(StageError) -> String {
        var hasher = SHA256()
        do throws(FileBlocks.Failure) {
            try FileBlocks.read(path, cancellation: cancellation) { hasher.update(bufferPointer: $0) }
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .system(let number): throw unreadable(path, number)
            }
        }
        return ContentDigest.hex(hasher.finalize())
    }
}
