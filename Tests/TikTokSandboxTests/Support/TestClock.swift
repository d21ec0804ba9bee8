import Foundation
import Synchronization

/// A clock that only moves when a test advances it.
final class TestClock: Sendable {
    private let time: Mutex<Date>

    init(_ start: Date = Date(timeIntervalSince1970: 1_790_000_000)) { time = Mutex(start) }

    var now: Date { time.withLock(\.self) }

    func advance(_ seconds: TimeInterval) {
        time.withLock { $0 += seconds }
    }
}
