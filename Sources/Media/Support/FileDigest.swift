import CFFmpeg
import Crypto
import Foundation
package import PipelineKit

/// SHA-256 of a file, read in blocks.
package enum FileDigest {
    /// The digest in lower-case hex.
    /// - Throws: `MediaError` if the file can't be read or the work is cancelled.
    package static func sha256(
        ofFileAt path: String, cancellation: CancellationFlag = CancellationFlag()
    ) throws(MediaError) -> String {
        let operation = "hashing the file"
        var state = SHA256()
        do throws(FileBlocks.Failure) {
            try FileBlocks.read(path, cancellation: cancellation) { state.update(bufferPointer: $0) }
        } catch {
            switch error {
            case .cancelled: throw .cancelled(operation)
            case .system(let number): throw MediaError(operation, number: spreader_error_posix(number), file: path)
            }
        }
        return state.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension FileReference {
    /// References the file at `path`, reading it for its size and digest.
    package init(digesting path: String, cancellation: CancellationFlag) throws(MediaError) {
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.int64Value
        self.init(
            path: path, bytes: size ?? 0, sha256: try FileDigest.sha256(ofFileAt: path, cancellation: cancellation))
    }
}
