import Foundation
import PipelineKit
import Synchronization

/// Limits progress reports to about five per second, and always admits the last.
final class ProgressThrottle: Sendable {
    private let clock: HostClock
    private let last = Mutex<Date?>(nil)

    init(clock: HostClock) { self.clock = clock }

    func admits(_ progress: StageProgress) -> Bool {
        let now = clock.now()
        return last.withLock { last in
            if let last, progress.fraction < 1, now.timeIntervalSince(last) < 0.2 { return false }
            last = now
            return true
        }
    }
}
