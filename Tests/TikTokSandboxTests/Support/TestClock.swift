import Foundation
import Synchronization

/// A clock that moves when the test says so.
final class TestClock: Sendable {
    private let moment: Mutex<Date>

    init(_ start: Date = Date(timeIntervalSince1970: 1_790_000_000)) { moment = Mutex(start) }

    var now: Date { moment.withLock(\.self) }

    func advance(_ seconds: TimeInterval) {
        moment.withLock { $0 += seconds }
    }
}
