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

    private struct Field: Sendable, Hashable {
        var values: Set<Int>
        var isAny: Bool
    }

    /// The expression as written.
    package let text: String
    private let minutes: Field
    private let hours: Field
    private let days: Field
    private let months: Field
    private let weekdays: Field

    private static let names = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]
    private static let monthNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    package init(_ text: String) throws(Problem) {
        self.text = text
        let plain = Self.names[text.lowercased()] ?? text
        let fields = plain.split(whereSeparator: \.isWhitespace).map(String.init)
        guard fields.count == 5 else {
            throw Problem(
                message: "\"\(text)\" has \(fields.count) fields; cron expressions need five, such as \"0 18 * * fri\"")
        }
        minutes = try Self.field(fields[0], "minute", 0...59)
        hours = try Self.field(fields[1], "hour", 0...23)
        days = try Self.field(fields[2], "day of the month", 1...31)
        months = try Self.field(fields[3], "month", 1...12, names: Self.monthNames, first: 1)
        var week = try Self.field(fields[4], "day of the week", 0...7, names: Self.dayNames, first: 0)
        // Sunday is both 0 and 7.
        if week.values.remove(7) != nil { week.values.insert(0) }
        weekdays = week
    }

    private static func field(
        _ text: String, _ what: String, _ range: ClosedRange<Int>, names: [String] = [], first: Int = 0
    ) throws(Problem) -> Field {
        func problem(_ part: Substring) -> Problem {
            Problem(
                message:
                    "\"\(part)\" is not a valid \(what): use \(range.lowerBound) to \(range.upperBound), *, lists, ranges and steps"
            )
        }
        func number(_ word: Substring, _ part: Substring) throws(Problem) -> Int {
            if let index = names.firstIndex(of: word.lowercased()) { return index + first }
            guard let number = Int(word), range.contains(number) else { throw problem(part) }
            return number
        }
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            guard let base = pieces.first, pieces.count <= 2 else { throw problem(part) }
            var step = 1
            if pieces.count == 2 {
                guard let number = Int(pieces[1]), number > 0 else { throw problem(part) }
                step = number
            }
            let ends = base.split(separator: "-", omittingEmptySubsequences: false)
            let span: ClosedRange<Int>
            switch ends.count {
            case 1 where base == "*": span = range
            case 1:
                let start = try number(base, part)
                span = start...(pieces.count == 2 ? range.upperBound : start)
            case 2:
                let (start, end) = (try number(ends[0], part), try number(ends[1], part))
                guard start <= end else { throw problem(part) }
                span = start...end
            default: throw problem(part)
            }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return Field(values: values, isAny: text == "*")
    }

    /// Returns the ticks after `start` and up to `end`, each with a name that is the same on all machines.
    ///
    /// When clocks are put forward, ticks in the skipped hour occur at its end. When they are put back, ticks in the
    /// repeated hour occur once, unless the expression matches every hour.
    package func ticks(after start: Date, through end: Date, in zone: TimeZone) -> [(moment: Date, name: String)] {
        var ticks: [(moment: Date, name: String)] = []
        var minute = (start.timeIntervalSince1970 / 60).rounded(.down) * 60 + 60
        while minute <= end.timeIntervalSince1970 {
            let moment = Date(timeIntervalSince1970: minute)
            let offset = zone.secondsFromGMT(for: moment)
            let jump = offset - zone.secondsFromGMT(for: moment.addingTimeInterval(-60))
            // The local minutes that end here: several when the clock was put forward.
            for skipped in stride(from: max(jump, 0) / 60, through: 0, by: -1) {
                guard skipped == 0 || !hours.isAny else { continue }
                let local = moment.addingTimeInterval(Double(offset - skipped * 60))
                if matches(local) {
                    ticks.append((moment, hours.isAny ? "\(Int(minute))" : Self.name(local)))
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
