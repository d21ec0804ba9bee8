public import ArgumentParser
import Foundation
public import PipelineKit

extension Duration: @retroactive ExpressibleByArgument {
    /// Parses `90`, `1m30s` or `250ms`.
    public init?(argument: String) { self.init(parsing: argument) }
}

extension ByteCount: ExpressibleByArgument {
    /// Parses `10MB` or `64MiB`.
    public init?(argument: String) { self.init(parsing: argument) }
}

extension Date {
    /// The date for tables, in local time.
    var forTables: String {
        formatted(
            .verbatim(
                "\(year: .padded(4))-\(month: .twoDigits)-\(day: .twoDigits) \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits)",
                timeZone: .current, calendar: Calendar(identifier: .gregorian)))
    }
}
