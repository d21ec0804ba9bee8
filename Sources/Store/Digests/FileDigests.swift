package import PipelineKit

/// SHA-256 of files, remembered by size, mtime and inode to avoid reading large files again.
package struct FileDigests: Sendable {
    private let records: (any SQLDatabase)?
    private let remembers: Bool
    /// A digest that is already being computed, to be used if it fits.
    package var ahead: DigestAhead?

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
        let fingerprint = try FileFingerprint(of: path)
        // A digest for another file may still be needed.
        let ahead = ahead?.path == path ? ahead : nil
        if let known = try await remembered(path, fingerprint) {
            ahead?.cancel()
            return known
        }
        let digest = try await newDigest(of: path, fingerprint, ahead: ahead)
        // Don't remember the digest of a file that changed while it was read.
        if try FileFingerprint(of: path) == fingerprint { try await remember(digest, of: path, fingerprint) }
        return digest
    }

    private func newDigest(
        of path: String, _ fingerprint: FileFingerprint, ahead: DigestAhead?
    ) async throws(StageError) -> String {
        if let ahead, ahead.fingerprint == fingerprint, let digest = try await ahead.value() { return digest }
        return try await Self.compute(path)
    }

    private func remembered(_ path: String, _ fingerprint: FileFingerprint) async throws(StageError) -> String? {
        guard let records else { return nil }
        return try await StoreError.bridge("reading the digests failed") {
            try await records.read { connection in
                try connection.query(
                    "SELECT sha256 FROM digests WHERE path = ? AND bytes = ? AND modified = ? AND inode = ?",
                    [path, fingerprint.bytes, fingerprint.modified, fingerprint.inode]
                ).first?.get("sha256", as: String.self)
            }
        }
    }

    private func remember(
        _ digest: String, of path: String, _ fingerprint: FileFingerprint
    ) async throws(StageError) {
        guard let records, remembers else { return }
        _ = try await StoreError.bridge("writing the digests failed") {
            try await records.write { connection in
                try connection.execute(
                    """
                    INSERT INTO digests (path, bytes, modified, inode, sha256) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (path) DO UPDATE SET bytes = excluded.bytes, modified = excluded.modified,
                        inode = excluded.inode, sha256 = excluded.sha256
                    """, [path, fingerprint.bytes, fingerprint.modified, fingerprint.inode, digest])
            }
        }
    }

    /// Computes the digest on a thread of its own, off the cooperative pool.
    static func compute(_ path: String) async throws(StageError) -> String {
        try await BlockingWork.run(name: "digest") { (flag) throws(StageError) in
            try ContentDigest.sha256(ofFile: path, cancellation: flag)
        }
    }
}
