import Synchronization

/// How far into the file the sending has come.
final class SentBytes: Sendable {
    private let position: Mutex<Int64>

    init(start: Int64) { position = Mutex(start) }

    /// Goes on by `count` bytes.
    /// - Returns: The new position.
    func add(_ count: Int) -> Int64 {
        position.withLock {
            $0 += Int64(count)
            return $0
        }
    }
}
