public import PipelineKit

/// Frame rate of the delivery: `auto`, or frames per second.
public enum FrameRate: OptionValue, Hashable {
    /// Derived from the footage's frame rate.
    case auto
    /// A fixed rate; 29.97 means 30000/1001.
    case fixed(Double)

    public static var optionType: OptionType {
        OptionType(
            name: "auto|number",
            schema: [
                "anyOf": [["const": "auto"], ["type": "number", "minimum": 23, "maximum": 60]]
            ])
    }

    /// Parses `auto`, `30` or `"29.97"`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> FrameRate {
        if value == "auto" { return .auto }
        guard let rate = value.doubleValue ?? value.stringValue.flatMap(Double.init), rate.isFinite else {
            throw .wrongType(#""auto" or frames per second"#, got: value)
        }
        guard (23...60).contains(rate) else {
            throw OptionProblem("out-of-range", "must be between 23 and 60, not \(rate)")
        }
        return .fixed(rate)
    }

    public var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .fixed(let rate): rate == rate.rounded() ? .integer(Int64(rate)) : .number(rate)
        }
    }
}
