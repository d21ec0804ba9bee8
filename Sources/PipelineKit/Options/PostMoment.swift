public import Foundation

/// When a post is created: a moment (`2026-12-24T18:00:00Z`), or a time after the run began (`+2h`).
public enum PostMoment: OptionValue, Hashable {
    /// At this moment.
    case at(Date)
    /// So long after the run began.
    case after(Duration)

    /// RFC 3339, or a plus sign and a duration.
    public static var optionType: OptionType {
        OptionType(
            name: "moment",
            schema: [
                "type": "string", "examples": ["2026-12-24T18:00:00+01:00", "+2h"],
                "pattern":
                    #"^(\+\s*\d.*|\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))$"#,
            ])
    }

    /// Reads either form.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> PostMoment {
        let wanted = #"a moment such as "2026-12-24T18:00:00+01:00", or "+2h" after the run began"#
        guard let text = value.stringValue?.trimmingCharacters(in: .whitespaces) else {
            throw .wrongType(wanted, got: value)
        }
        if text.hasPrefix("+") {
            guard let delay = Duration(parsing: String(text.dropFirst())) else { throw .wrongType(wanted, got: value) }
            return .after(delay)
        }
        let plain = text.uppercased().replacing(" ", with: "T")
        for fraction in [false, true] {
            if let date = try? Date(plain, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)) {
                return .at(date)
            }
        }
        throw .wrongType(wanted, got: value)
    }

    /// As written; moments in universal time.
    public var optionJSON: JSONValue {
        switch self {
        case .at(let date): .string(date.formatted(.iso8601))
        case .after(let delay): .string("+\(delay.inSeconds)s")
        }
    }

    /// The moment, for a run that began at `start`.
    public func date(from start: Date) -> Date {
        switch self {
        case .at(let date): date
        case .after(let delay): start.addingTimeInterval(delay.inSeconds)
        }
    }
}
