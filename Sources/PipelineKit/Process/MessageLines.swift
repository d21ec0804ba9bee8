package import Foundation
import Glibc
import Synchronization

/// Cuts a stream of bytes into lines.
package struct LineBuffer: Sendable {
    private var pending = Data()
    private let limit: Int

    /// An empty buffer.
    /// - Parameter limit: The longest line in bytes.
    package init(limit: Int = StageProtocol.longestLine) { self.limit = limit }

    /// What came without an end so far.
    package var rest: Data { pending }

    /// Takes bytes and gives the lines that they complete, without their ends; empty lines are left out.
    /// - Returns: Nil when a line grows beyond the limit.
    package mutating func take(_ bytes: some DataProtocol) -> [Data]? {
        var lines: [Data] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            pending.append(contentsOf: bytes[start..<end])
            guard pending.count <= limit else { return nil }
            if !pending.isEmpty { lines.append(pending) }
            pending = Data()
            start = bytes.index(after: end)
        }
        pending.append(contentsOf: bytes[start...])
        return pending.count > limit ? nil : lines
    }
}

/// Writes whole lines to a descriptor, from any thread.
final class LineOutput: Sendable {
    private let descriptor: Int32
    private let lock = Mutex(())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a message; gives false when it has no JSON form or nobody reads any more.
    @discardableResult
    func send(_ message: ChildMessage) -> Bool {
        guard var line = try? JSONEncoder().encode(message) else { return false }
        line.append(UInt8(ascii: "\n"))
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
