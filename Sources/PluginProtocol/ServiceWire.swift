import Foundation
package import PipelineKit

/// The forms in which questions to the host, and its answers, cross the line.
package enum ServiceWire {
    /// A limit.
    package struct Permit: Codable {
        /// Whose limit it is; empty for everybody's.
        package var subject: String?
        /// Permits in one window.
        package var permits: Int
        /// The window in seconds.
        package var window: Double
        /// Whether a refused call had taken a permit.
        package var taken: Bool?

        package init(_ limit: RateLimit, taken: Bool? = nil) {
            subject = limit.subject
            permits = limit.permits
            window = limit.window.inSeconds
            self.taken = taken
        }

        /// The limit under `name`.
        package func limit(named name: String) -> RateLimit {
            RateLimit(name: name, subject: subject ?? "", permits: permits, window: .seconds(window))
        }
    }

    /// Permits that were taken.
    package struct Taken: Codable {
        /// How many.
        package var count: Int
        /// Seconds until the first leaves the window.
        package var nextFree: Double?

        /// The form of `permits`.
        package init(_ permits: TakenPermits) {
            count = permits.count
            nextFree = permits.nextFree?.inSeconds
        }

        package var permits: TakenPermits { TakenPermits(count: count, nextFree: nextFree.map { .seconds($0) }) }
    }
}
