import Synchronization

/// The upload position in the file, in bytes.
final class SentBytes: Sendable {
    private let position: Mutex<Int64>

    init(start: Int64) { position = Mutex(start) }

    /// Advances the position by `count` bytes.
    /// - Returns: The new position.
    func add(_ count: Int) -> Int64 {
        position.withLock {
            $0 += Int64(count)
            return $0
        }
    }
}
