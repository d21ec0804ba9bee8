package import Foundation
import Glibc

/// Reads the standard output and standard error of a child process, as bytes. Use it only on the thread that started
/// the child.
package struct ChildOutputReader {
    /// The bytes of one read; each stream may be empty.
    package struct Chunk {
        package var output = Data()
        package var errors = Data()

        package init() {}
    }

    /// The default time that one read waits.
    package static let interval = Duration.milliseconds(100)

    /// The read end of standard output; nil once the child has closed it.
    private var output: Int32?
    /// The read end of standard error; nil once the child has closed it, and if it is not captured.
    private var errors: Int32?
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// Creates a reader for the streams of a child, which keeps their descriptors.
    package init(_ process: ChildProcess) {
        output = process.output
        errors = process.errors
    }

    /// Whether standard output is still open.
    var outputIsOpen: Bool { output != nil }
    /// Whether the child may still write to one of the streams.
    package var isOpen: Bool { output != nil || errors != nil }

    /// Waits for output, or for the end of a stream.
    /// - Returns: What the child has written; nil if nothing happened within the time.
    package mutating func read(within limit: Duration = interval) -> Chunk? {
        var streams = [output, errors].map { pollfd(fd: $0 ?? -1, events: Int16(POLLIN), revents: 0) }
        guard poll(&streams, nfds_t(streams.count), Int32(limit / .milliseconds(1))) > 0 else { return nil }
        var chunk = Chunk()
        if streams[0].revents != 0, let descriptor = output {
            if let bytes = bytes(of: descriptor) { chunk.output = bytes } else { output = nil }
        }
        if streams[1].revents != 0, let descriptor = errors {
            if let bytes = bytes(of: descriptor) { chunk.errors = bytes } else { errors = nil }
        }
        return chunk
    }

    /// Reads what is left in standard error without waiting, up to 1 MB, after the process has ended.
    mutating func remainingErrors() -> Data {
        guard let errors else { return Data() }
        _ = fcntl(errors, F_SETFL, O_NONBLOCK)
        var rest = Data()
        for _ in 0..<16 {
            guard let bytes = bytes(of: errors), !bytes.isEmpty else { break }
            rest += bytes
        }
        return rest
    }

    /// Reads once; nil at the end of the stream.
    private mutating func bytes(of descriptor: Int32) -> Data? {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return Data() }
        return count > 0 ? Data(buffer[..<count]) : nil
    }
}

extension ChildProcess {
    /// Reads the output until the child has closed its streams. Sends SIGTERM to its process group once it should stop,
    /// and SIGKILL if it is still running after `grace`.
    /// - Parameters:
    ///   - shouldStop: Called after each read, and so at least every 100 ms.
    ///   - receive: Called with everything that the child writes, in order.
    package func followOutput(
        grace: Duration, shouldStop: () -> Bool, receive: (ChildOutputReader.Chunk) -> Void
    ) {
        var reader = ChildOutputReader(self)
        var stopTime: SuspendingClock.Instant?
        while reader.isOpen {
            if let stopTime {
                if SuspendingClock.now - stopTime > grace { kill() }
            } else if shouldStop() {
                stopTime = .now
                terminate()
            }
            if let chunk = reader.read() { receive(chunk) }
        }
    }
}
