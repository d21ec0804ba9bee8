package import Foundation
import Glibc
import Synchronization

/// Splits a stream of bytes into lines.
package struct LineBuffer: Sendable {
    private var pending = Data()
    private let limit: Int
    /// The number of newlines so far, including those of empty lines.
    package private(set) var newlineCount = 0

    /// Creates an empty buffer.
    /// - Parameter limit: The longest allowed line in bytes.
    package init(limit: Int = StageProtocol.longestLine) { self.limit = limit }

    /// The incomplete last line.
    package var remainder: Data { pending }

    /// Adds bytes and returns the lines that they complete, without newlines. Skips empty lines.
    /// - Returns: Nil if a line exceeds the limit.
    package mutating func append(_ bytes: some ContiguousBytes) -> [Data]? {
        bytes.withUnsafeBytes { split($0) }
    }

    private mutating func split(_ bytes: UnsafeRawBufferPointer) -> [Data]? {
        var lines: [Data] = []
        var rest = bytes
        while let start = rest.baseAddress, let end = memchr(start, Int32(UInt8(ascii: "\n")), rest.count) {
            let length = UnsafeRawPointer(end) - start
            newlineCount += 1
            pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<length]))
            guard pending.count <= limit else { return nil }
            if !pending.isEmpty { lines.append(pending) }
            pending = Data()
            rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
        }
        pending.append(contentsOf: rest)
        return pending.count > limit ? nil : lines
    }
}

/// Writes whole lines to a descriptor, from any thread.
final class LineOutput: Sendable {
    private let descriptor: Int32
    private let lock = Mutex(())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a message; returns false if it has no JSON form or the reader closed the pipe.
    @discardableResult
    func send(_ message: ChildMessage) -> Bool {
        guard let line = try? message.line() else { return false }
        return lock.withLock { _ in
            line.withUnsafeBytes { bytes in
                var sent = 0
                while sent < bytes.count {
                    let count = write(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent)
                    if count < 0 {
                        if errno == EINTR { continue }
                        return false
                    }
                    sent += count
                }
                return true
            }
        }
    }
}
