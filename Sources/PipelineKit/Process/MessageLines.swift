package import Foundation
import Glibc
import Synchronization

/// Cuts a stream of bytes into lines.
package struct LineBuffer: Sendable {
    private var pending: [UInt8] = []

    /// An empty buffer.
    package init() {}

    /// Takes bytes and gives the lines that they complete, without their ends; empty lines are left out.
    /// - Returns: Nil when a line grows beyond what the protocol allows.
    package mutating func take(_ bytes: some Sequence<UInt8>) -> [Data]? {
        var lines: [Data] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if !pending.isEmpty { lines.append(Data(pending)) }
                pending.removeAll(keepingCapacity: true)
            } else {
                pending.append(byte)
            }
        }
        return pending.count > StageProtocol.longestLine ? nil : lines
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
