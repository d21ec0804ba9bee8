package import Foundation

/// A schedule in cron's five fields: minute, hour, day of the month, month, day of the week.
///
/// Examples: `0 18 * * fri`, `*/15 9-17 * * mon-fri`, `@daily`. As in cron, if both day fields are restricted, a day
/// that matches either of them is enough.
package struct CronExpression: Sendable, Hashable {
    /// Why an expression is not valid.
    package struct Problem: Error, Hashable {
        package var message: String
    }

    /// The expression as written.
    package let text: String
    private let minutes: CronField
    private let hours: CronField
    private let days: CronField
    private let months: CronField
    private let weekdays: CronField

    private static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    package init(_ text: String) throws(Problem) {
        self.text = text
        let plain = Self.shorthands[text.lowercased()] ?? text
        let fields = plain.split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count == 5 else {
            throw Problem(
                message: "\"\(text)\" has \(fields.count) fields; cron expressions need five, such as \"0 18 * * fri\"")
        }
        minutes = try CronField(fields[0], unit: .minute)
        hours = try CronField(fields[1], unit: .hour)
        days = try CronField(fields[2], unit: .day)
        months = try CronField(fields[3], unit: .month)
        weekdays = try CronField(fields[4], unit: .weekday).replacing(7, with: 0)
    }

    /// Returns the ticks after `start` and up to `end`, each with a name that is the same on all machines.
    ///
    /// When clocks are put forward, ticks in the skipped hour occur at its end. When they are put back, ticks in the
    /// repeated hour occur once, unless the expression matches every hour.
    package func ticks(after start: Date, through end: Date, in zone: TimeZone) -> [(date: Date, name: String)] {
        var ticks: [(date: Date, name: String)] = []
        var minute = (start.timeIntervalSince1970 / 60).rounded(.down) * 60 + 60
        while minute <= end.timeIntervalSince1970 {
            let date = Date(timeIntervalSince1970: minute)
            let offset = zone.secondsFromGMT(for: date)
            let jump = offset - zone.secondsFromGMT(for: date.addingTimeInterval(-60))
            // The local minutes that end here: several when the clock was put forward.
            for skipped in stride(from: max(jump, 0) / 60, through: 0, by: -1) {
                guard skipped == 0 || !hours.isAny else { continue }
                let local = date.addingTimeInterval(Double(offset - skipped * 60))
                if matches(local) {
                    ticks.append((date, hours.isAny ? "\(Int(minute))" : Self.name(local)))
                    break
                }
            }
            minute += 60
        }
        return ticks
    }

    private static func name(_ local: Date) -> String { String(local.formatted(.iso8601).dropLast(4)) }

    /// Whether a local time, given as if it were UTC, matches the expression.
    private func matches(_ local: Date) -> Bool {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.minute, .hour, .day, .month, .weekday], from: local)
        guard let minute = parts.minute, let hour = parts.hour, let day = parts.day, let month = parts.month,
            let weekday = parts.weekday, minutes.values.contains(minute), hours.values.contains(hour),
            months.values.contains(month)
        else { return false }
        let (isDay, isWeekday) = (days.values.contains(day), weekdays.values.contains(weekday - 1))
        return days.isAny || weekdays.isAny ? isDay && isWeekday : isDay || isWeekday
    }
}
