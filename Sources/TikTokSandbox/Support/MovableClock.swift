import Foundation
import Synchronization

/// A clock that runs as another does, ahead of it by as much as was asked for.
final class MovableClock: Sendable {
    private let base: @Sendable () -> Date
    private let ahead = Mutex(0.0)

    init(_ base: @escaping @Sendable () -> Date) { self.base = base }

    /// The time.
    var now: Date { base().addingTimeInterval(ahead.withLock { $0 }) }

    /// Moves on; never back, since tokens and windows that have ended do not come back either.
    /// - Returns: Seconds that the clock is ahead by.
    @discardableResult
    func advance(by seconds: Double) -> Double {
        ahead.withLock { ahead in
            ahead += max(0, seconds)
            return ahead
        }
    }
}
