import CFFmpeg
package import PipelineKit

/// A failed call into FFmpeg's libraries, with the details that the library gave.
package struct MediaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being done, such as `opening the decoder h264`.
    package var operation: String
    /// FFmpeg's error number: negative, `-errno` or a four-character tag.
    package var number: Int32
    /// FFmpeg's text for `number`.
    package var text: String
    /// The file being read or written.
    package var file: String?
    /// The last warning or error that the libraries logged for the job.
    package var logLine: String?

    /// An error returned by a library call.
    package init(_ operation: String, number: Int32, file: String? = nil, log: MediaLog? = nil) {
        self.operation = operation
        self.number = number
        var buffer = [CChar](repeating: 0, count: 256)
        av_strerror(number, &buffer, buffer.count)
        text = BufferText.string(buffer)
        self.file = file
        logLine = log?.lastLine
    }

    /// An error detected by the caller, without a failed library call.
    package init(_ operation: String, text: String, file: String? = nil, log: MediaLog? = nil) {
        self.operation = operation
        number = spreader_error_invalid_data()
        self.text = text
        self.file = file
        logLine = log?.lastLine
    }

    /// The error of a cancelled job.
    package static func cancelled(_ operation: String) -> MediaError {
        MediaError(operation, number: spreader_error_exit())
    }

    /// Whether the job was cancelled.
    package var isCancellation: Bool { number == spreader_error_exit() }
    /// Whether the disk is full.
    package var isDiskFull: Bool { number == spreader_error_posix(ENOSPC) || number == spreader_error_posix(EDQUOT) }
    /// Whether an allocation failed, in the system or at the library's own limit.
    package var isOutOfMemory: Bool { number == spreader_error_posix(ENOMEM) }
    /// Whether the input is invalid.
    package var isInvalidData: Bool { number == spreader_error_invalid_data() }

    /// `operation (file): text; log line`.
    package var description: String {
        let location = file.map { " (\($0))" } ?? ""
        let line = logLine.map { "; \($0)" } ?? ""
        return "\(operation)\(location): \(text)\(line)"
    }

    /// Converts to the error that a stage reports.
    /// - Parameter message: What the error means to the user; by default the failed operation.
    package func stageError(_ message: String? = nil) -> StageError {
        if isCancellation { return .cancelled }
        if operation == MediaLibraries.loading { return MediaLibraries.missing(text) }
        if isDiskFull {
            return StageError(
                .diskFull, "the disk is full\(file.map { ", writing \($0)" } ?? "")",
                hint: "free some space or choose another --work-dir", cause: description)
        }
        let file = self.file.map { " of \($0)" } ?? ""
        return StageError(.media, message ?? "\(operation)\(file) failed: \(text)", cause: description)
    }
}

/// Throws if a library call returned a negative number.
/// - Returns: The number otherwise.
@discardableResult
func check(
    _ status: Int32, _ operation: @autoclosure () -> String, file: String? = nil, log: MediaLog? = nil
) throws(MediaError) -> Int32 {
    guard status >= 0 else { throw MediaError(operation(), number: status, file: file, log: log) }
    return status
}

/// Returns the pointer from a library call, or throws out of memory if it is nil.
func allocated<Pointee>(
    _ pointer: UnsafeMutablePointer<Pointee>?, _ operation: @autoclosure () -> String
) throws(MediaError) -> UnsafeMutablePointer<Pointee> {
    guard let pointer else { throw MediaError(operation(), number: spreader_error_posix(ENOMEM)) }
    return pointer
}
