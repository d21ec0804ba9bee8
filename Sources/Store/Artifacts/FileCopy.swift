import Foundation
import PipelineKit

/// Copies files off the cooperative pool.
enum FileCopy {
    /// Copies a file's content to a new file, which is on the disk afterwards.
    /// - Throws: `StageError` with code `file-system` or `disk-full`; `cancelled` when the task is.
    static func copy(_ source: String, to target: String) async throws(StageError) {
        try await BlockingWork.run(name: "copy") { (flag) throws(StageError) in
            do {
                try copy(source, to: target, flag)
            } catch is CancellationError {
                throw .cancelled
            } catch {
                let code = (error as? POSIXError)?.code
                guard code == .ENOSPC || code == .EDQUOT else {
                    throw StageError(.fileSystem, "can't copy \(source) to \(target): \(error.localizedDescription)")
                }
                throw StageError(.diskFull, "the disk is full: can't copy \(source)", hint: "free some space")
            }
        }
    }

    private static func copy(_ source: String, to target: String, _ flag: CancellationFlag) throws {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw lastError }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw lastError }
        defer { close(output) }
        try pump(from: input, to: output, flag)
        guard fsync(output) == 0 else { throw lastError }
    }

    private static func pump(from input: Int32, to output: Int32, _ flag: CancellationFlag) throws {
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            if flag.isCancelled { throw CancellationError() }
            let count = read(input, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw lastError }
            if count == 0 { return }
            var written = 0
            while written < count {
                let step = block.withUnsafeBytes { write(output, $0.baseAddress.map { $0 + written }, count - written) }
                if step < 0, errno == EINTR { continue }
                guard step > 0 else { throw lastError }
                written += step
            }
        }
    }

    private static var lastError: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
