/// The size of a file.
package enum FileSize {
    /// Returns the size of the file at `path` in bytes, or of the file that a symbolic link leads to.
    /// - Throws: `StageError` with code `file-system` and the system's reason when the file can't be examined.
    package static func of(_ path: String) throws(StageError) -> Int64 { try FileFingerprint(of: path).bytes }
}
