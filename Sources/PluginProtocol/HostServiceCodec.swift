package import PipelineKit

/// The wire formats of arguments and results of service calls.
package enum HostServiceCodec {
    /// The argument of permit calls: a ``RateLimit`` without its name.
    package struct Permit: Codable {
        /// The subject of the limit, such as the account; nil or empty for the whole app.
        package var subject: String?
        /// The number of permits in one window.
        package var permits: Int
        /// The length of the window in seconds.
        package var window: Double
        /// Whether the refused call had taken a permit; nil except for `permit.refused`.
        package var taken: Bool?

        package init(_ limit: RateLimit, taken: Bool? = nil) {
            subject = limit.subject
            permits = limit.permits
            window = limit.window.inSeconds
            self.taken = taken
        }

        /// Returns the rate limit called `name`.
        package func limit(named name: String) -> RateLimit {
            RateLimit(name: name, subject: subject ?? "", permits: permits, window: .seconds(window))
        }
    }

    /// The wire format of ``TakenPermits``.
    package struct Taken: Codable {
        package var count: Int
        /// Seconds until the first of them leaves the window; nil if there is none.
        package var nextFree: Double?

        package init(_ permits: TakenPermits) {
            count = permits.count
            nextFree = permits.nextFree?.inSeconds
        }

        package var permits: TakenPermits { TakenPermits(count: count, nextFree: nextFree.map { .seconds($0) }) }
    }
}
