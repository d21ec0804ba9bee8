public import PipelineKit

/// Rate of the delivery: `auto`, or frames per second.
public enum FrameRate: OptionValue, Hashable {
    /// By the footage.
    case auto
    /// Exactly this; 29.97 means 30000/1001.
    case fixed(Double)

    /// `auto` or a number.
    public static var optionType: OptionType {
        OptionType(
            name: "auto|number",
            schema: [
                "anyOf": [["const": "auto"], ["type": "number", "minimum": 23, "maximum": 60]]
            ])
    }

    /// Reads `auto`, `30` or `"29.97"`.
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

    /// As written.
    public var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .fixed(let rate): rate == rate.rounded() ? .integer(Int64(rate)) : .number(rate)
        }
    }
}
