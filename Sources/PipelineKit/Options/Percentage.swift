/// A percentage, written `10%`.
public struct Percentage: OptionValue, Hashable, Comparable {
    /// The percentage as a fraction: 0.1 for `10%`.
    public var fraction: Double

    public init(percent: Double) { fraction = percent / 100 }

    public static var optionType: OptionType {
        OptionType(
            name: "percent", schema: ["type": "string", "pattern": #"^\d{1,3}(\.\d+)?\s*%$"#, "examples": ["10%"]])
    }

    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Percentage {
        guard let text = value.stringValue, text.hasSuffix("%"),
            let percent = Double(text.dropLast().filter { $0 != " " }), percent.isFinite
        else { throw .wrongType(#"a percentage such as "10%""#, got: value) }
        return Percentage(percent: percent)
    }

    public static func < (left: Percentage, right: Percentage) -> Bool { left.fraction < right.fraction }

    public var optionJSON: JSONValue {
        // Rounded to six decimal places: a percentage such as 3.3% has no exact binary form.
        let percent = (fraction * 100_000_000).rounded() / 1_000_000
        return .string(percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%")
    }
}
