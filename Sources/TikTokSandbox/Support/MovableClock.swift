import Foundation
import Synchronization

/// A clock that can be moved ahead of another one, for `POST /_sandbox/clock`.
final class MovableClock: Sendable {
    private let base: @Sendable () -> Date
    private let ahead = Mutex(0.0)

    init(_ base: @escaping @Sendable () -> Date) { self.base = base }

    var now: Date { base().addingTimeInterval(ahead.withLock { $0 }) }

    /// Moves the clock forward. It never moves back, because expired tokens and windows do not become valid again.
    /// - Returns: The seconds by which the clock is ahead.
    @discardableResult
    func advance(by seconds: Double) -> Double {
        ahead.withLock { ahead in
            ahead += max(0, seconds)
            return ahead
        }
    }
}
