import CFFmpeg
import Crypto
import Foundation
package import PipelineKit

/// SHA-256 of a file, read in pieces.
package enum FileDigest {
    private static let blockSize = 1 << 18

    /// The digest in lower-case hex.
    /// - Throws: `MediaError` when the file can't be read or the work is cancelled.
    package static func sha256(
        ofFileAt path: String, cancellation: CancellationFlag = CancellationFlag()
    ) throws(MediaError) -> String {
        let operation = "reading the file for its digest"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MediaError(operation, number: spreader_error_posix(errno), file: path) }
        defer { close(descriptor) }
        var state = SHA256()
        // One piece of memory for all blocks: new ones would cost as much as the digest.
        var block = [UInt8](repeating: 0, count: blockSize)
        while true {
            try cancellation.check(operation)
            let count = read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw MediaError(operation, number: spreader_error_posix(errno), file: path) }
            if count == 0 { break }
            block.withUnsafeBytes { state.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        return state.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
