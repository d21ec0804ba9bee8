package import Foundation
import Glibc
import PipelineKit
import Synchronization

/// Cuts a stream of bytes into lines.
package struct LineBuffer: Sendable {
    private var pending = Data()
    private let limit: Int
    /// Lines that had an end so far, those that were left out for being empty included.
    package private(set) var ends = 0

    /// An empty buffer.
    /// - Parameter limit: The longest line in bytes.
    package init(limit: Int = StageProtocol.longestLine) { self.limit = limit }

    /// What came without an end so far.
    package var rest: Data { pending }

    /// Takes bytes and gives the lines that they complete, without their ends; empty lines are left out.
    /// - Returns: Nil when a line grows beyond the limit.
    package mutating func take(_ bytes: UnsafeRawBufferPointer) -> [Data]? {
        var lines: [Data] = []
        var rest = bytes
        while let start = rest.baseAddress, let end = memchr(start, Int32(UInt8(ascii: "\n")), rest.count) {
            let length = UnsafeRawPointer(end) - start
            ends += 1
            pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<length]))
            guard pending.count <= limit else { return nil }
            if !pending.isEmpty { lines.append(pending) }
            pending = Data()
            rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
        }
        pending.append(contentsOf: rest)
        return pending.count > limit ? nil : lines
    }

    /// The same for bytes of an array.
    package mutating func take(_ bytes: ArraySlice<UInt8>) -> [Data]? { bytes.withUnsafeBytes { take($0) } }
}

/// Writes whole lines to a descriptor, from any thread.
final class LineOutput: Sendable {
    private let descriptor: Int32
    private let lock = Mutex(())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a message; gives false when it has no JSON form or nobody reads any more.
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
