import CFFmpeg
import Crypto
import Foundation
package import PipelineKit

/// SHA-256 of a file, read in pieces.
package enum FileDigest {
    /// The digest in lower-case hex.
    /// - Throws: `MediaError` when the file can't be read or the work is cancelled.
    package static func sha256(
        ofFileAt path: String, cancellation: CancellationFlag = CancellationFlag()
    ) throws(MediaError) -> String {
        let operation = "reading the file for its digest"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw MediaError(operation, number: spreader_error_posix(errno), file: path)
        }
        defer { try? handle.close() }
        var state = SHA256()
        while true {
            try cancellation.check(operation)
            let block: Data?
            do {
                block = try handle.read(upToCount: 1 << 20)
            } catch {
                throw MediaError(operation, text: "\(error)", file: path)
            }
            guard let block, !block.isEmpty else { break }
            state.update(data: block)
        }
        return state.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
