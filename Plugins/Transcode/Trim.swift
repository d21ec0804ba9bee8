public import PipelineKit

/// The part of the footage to deliver, counted from its first frame.
public struct Trim: OptionValue, Hashable {
    /// Time at which the part starts.
    public var start: Duration
    /// Where it ends; nil for the end of the footage.
    public var end: Duration?

    public init(start: Duration, end: Duration?) {
        self.start = start
        self.end = end
    }

    public static var optionType: OptionType {
        OptionType(
            name: "{start, end}",
            schema: [
                "type": "object", "additionalProperties": false,
                "properties": ["start": Duration.optionType.schema, "end": Duration.optionType.schema],
                "examples": [["start": "2s", "end": "47s"]],
            ])
    }

    /// Parses `{"start": "2s", "end": "47s"}`, either key alone, or the short form `"2s-47s"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Trim {
        let expected = #"an object such as {"start": "2s", "end": "47s"}"#
        if let text = value.stringValue {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw .wrongType(expected, got: value) }
            let start = parts[0].isEmpty ? Duration.zero : try Duration.parse(.string(parts[0]))
            return Trim(start: start, end: parts[1].isEmpty ? nil : try Duration.parse(.string(parts[1])))
        }
        guard case .object(let members) = value else { throw .wrongType(expected, got: value) }
        if let unknown = members.keys.sorted().first(where: { $0 != "start" && $0 != "end" }) {
            throw OptionProblem(
                "unknown-key", "unknown key \"\(unknown)\"",
                hint: NearestName.of(unknown, in: ["start", "end"]).map { "did you mean \"\($0)\"?" }
                    ?? "known: start, end")
        }
        var trim = Trim(start: .zero, end: nil)
        if let start = members["start"], start != .null { trim.start = try Duration.parse(start) }
        if let end = members["end"], end != .null { trim.end = try Duration.parse(end) }
        return trim
    }

    public var optionJSON: JSONValue {
        var members = ["start": start.optionJSON]
        if let end { members["end"] = end.optionJSON }
        return .object(members)
    }
}
