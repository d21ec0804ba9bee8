public import Foundation

/// When to create a post: a point in time (`2026-12-24T18:00:00Z`), or a delay after the start of the run (`+2h`).
public enum PostTime: OptionValue, Hashable {
    /// At a fixed point in time.
    case at(Date)
    /// This long after the start of the run.
    case after(Duration)

    public static var optionType: OptionType {
        OptionType(
            name: "moment",
            schema: [
                "type": "string", "examples": ["2026-12-24T18:00:00+01:00", "+2h"],
                "pattern":
                    #"^(\+\s*\d.*|\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))$"#,
            ])
    }

    /// Parses an RFC 3339 timestamp with its offset, or a plus sign and a duration.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> PostTime {
        let expected =
            #"a time such as "2026-12-24T18:00:00+01:00", or a delay after the start of the run such as "+2h""#
        guard let text = value.stringValue?.trimmingCharacters(in: .whitespaces) else {
            throw .wrongType(expected, got: value)
        }
        if text.hasPrefix("+") {
            guard let delay = Duration(parsing: String(text.dropFirst())) else {
                throw .wrongType(expected, got: value)
            }
            return .after(delay)
        }
        let plain = text.uppercased().replacing(" ", with: "T")
        for fraction in [false, true] {
            if let date = try? Date(plain, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: fraction)) {
                return .at(date)
            }
        }
        throw .wrongType(expected, got: value)
    }

    /// Writes points in time in UTC and delays in seconds.
    public var optionJSON: JSONValue {
        switch self {
        case .at(let date): .string(date.formatted(.iso8601))
        case .after(let delay): .string("+\(delay.inSeconds)s")
        }
    }

    /// The point in time for a run that started at `start`.
    public func date(from start: Date) -> Date {
        switch self {
        case .at(let date): date
        case .after(let delay): start.addingTimeInterval(delay.inSeconds)
        }
    }
}
