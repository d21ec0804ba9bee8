import Crypto
import Foundation
package import PipelineKit

/// SHA-256 of text and files, as lower-case hex.
package enum ContentDigest {
    /// The digest of the text's UTF-8.
    package static func sha256(_ text: String) -> String { sha256(Data(text.utf8)) }

    static func sha256(_ data: Data) -> String { SHA256.hash(data: data).lowercaseHex }

    /// The digest of a file's content. Blocks the thread; see ``FileDigests`` for large files.
    /// - Throws: `StageError` with code `file-system` when the file can't be read, or `cancelled`.
    package static func sha256(
        ofFile path: String, cancellation: CancellationFlag = CancellationFlag()
    ) throws(StageError) -> String {
        var hash = SHA256()
        do throws(FileBlocks.Failure) {
            try FileBlocks.read(path, cancellation: cancellation) { hash.update(bufferPointer: $0) }
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .system(let number):
                throw StageError(.fileSystem, "can't read \(path): \(String(cString: strerror(number)))")
            }
        }
        return hash.finalize().lowercaseHex
    }
}
