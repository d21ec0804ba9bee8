/// The values of one field of a cron expression.
struct CronField: Sendable, Hashable {
    /// What a field counts.
    struct Unit: Sendable {
        let name: String
        let range: ClosedRange<Int>
        /// Names for the values, from the lowest on.
        var names: [String] = []

        static let minute = Unit(name: "minute", range: 0...59)
        static let hour = Unit(name: "hour", range: 0...23)
        static let day = Unit(name: "day of the month", range: 1...31)
        static let month = Unit(
            name: "month", range: 1...12,
            names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
        /// Sunday is both 0 and 7.
        static let weekday = Unit(
            name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
    }

    private(set) var values: Set<Int>
    /// Whether the field is `*`.
    let isAny: Bool

    /// Parses a list of values, ranges and steps.
    init(_ text: String, unit: Unit) throws(CronExpression.Problem) {
        var values: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let matches = Self.values(of: part, unit: unit) else {
                let range = unit.range
                throw CronExpression.Problem(
                    message: """
                        "\(part)" is not a valid \(unit.name): use \(range.lowerBound) to \(range.upperBound), \
                        *, lists, ranges and steps
                        """)
            }
            values.formUnion(matches)
        }
        self.values = values
        isAny = text == "*"
    }

    /// The field with one of its values under another number.
    func replacing(_ value: Int, with other: Int) -> CronField {
        var field = self
        if field.values.remove(value) != nil { field.values.insert(other) }
        return field
    }

    /// The values of one part of a list, such as `1-5/2`; nil if it is malformed.
    private static func values(of part: Substring, unit: Unit) -> StrideThrough<Int>? {
        let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
        guard pieces.count <= 2, let base = pieces.first else { return nil }
        var step = 1
        if pieces.count == 2 {
            guard let number = Int(pieces[1]), number > 0 else { return nil }
            step = number
        }
        guard var range = range(of: base, unit: unit) else { return nil }
        // A single value with a step starts a range: `5/15` is `5-59/15`.
        if pieces.count == 2, !base.contains("-"), base != "*" { range = range.lowerBound...unit.range.upperBound }
        return stride(from: range.lowerBound, through: range.upperBound, by: step)
    }

    /// The range of `*`, a single value or two values with a hyphen; nil if it is malformed.
    private static func range(of text: Substring, unit: Unit) -> ClosedRange<Int>? {
        if text == "*" { return unit.range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = ends.first, let last = ends.last, let start = value(first, unit: unit),
            let end = value(last, unit: unit), start <= end
        else { return nil }
        return start...end
    }

    private static func value(_ text: Substring, unit: Unit) -> Int? {
        if let index = unit.names.firstIndex(of: text.lowercased()) { return unit.range.lowerBound + index }
        return Int(text).flatMap { unit.range.contains($0) ? $0 : nil }
    }
}
