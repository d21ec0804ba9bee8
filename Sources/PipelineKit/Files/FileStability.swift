package import Foundation

/// How long a file has not changed, to tell whether another program still writes it.
///
/// Call ``update()`` at intervals; ``isStable(for:)`` then tells whether the file has settled.
package struct FileStability: Sendable {
    /// The size and modification time of a file, at least one of which changes with every write.
    package struct Snapshot: Sendable, Equatable {
        package let bytes: Int64
        package let modified: Date

        /// Returns nil when `path` can't be examined.
        package init?(of path: String) {
            guard let fingerprint = FileFingerprint(path) else { return nil }
            bytes = fingerprint.bytes
            let (seconds, nanoseconds) = fingerprint.modified.quotientAndRemainder(dividingBy: 1_000_000_000)
            modified = Date(timeIntervalSince1970: Double(seconds) + Double(nanoseconds) / 1e9)
        }

        /// Whether the last write is less than `duration` away from `now`. Times further in the future come from
        /// another clock and don't count.
        package func isRecent(within duration: Duration, of now: Date) -> Bool {
            abs(now.timeIntervalSince(modified)) < duration.inSeconds
        }
    }

    private let path: String
    private let clock: HostClock
    private var unchangedSince: Date
    /// The state of the file at the last update.
    package private(set) var snapshot: Snapshot

    /// - Parameters:
    ///   - snapshot: The current state of the file.
    ///   - countsFromModification: Whether the time since the last write counts as time without changes. False for
    ///     files of another machine, whose clock may differ: the time then counts from now.
    package init(_ snapshot: Snapshot, of path: String, clock: HostClock, countsFromModification: Bool) {
        self.snapshot = snapshot
        self.path = path
        self.clock = clock
        let now = clock.now()
        unchangedSince = countsFromModification ? min(snapshot.modified, now) : now
    }

    /// Examines the file again.
    /// - Returns: False when the file can't be examined, for example because it was removed.
    @discardableResult
    package mutating func update() -> Bool {
        guard let current = Snapshot(of: path) else { return false }
        if current != snapshot {
            snapshot = current
            unchangedSince = clock.now()
        }
        return true
    }

    /// Whether the file has not changed for `duration`.
    package func isStable(for duration: Duration) -> Bool {
        clock.now().timeIntervalSince(unchangedSince) >= duration.inSeconds
    }
}
