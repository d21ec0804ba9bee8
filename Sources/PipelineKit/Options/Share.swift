/// A share in percent, written `10%`.
public struct Share: OptionValue, Hashable, Comparable {
    /// 0 … 1.
    public var fraction: Double

    /// A share.
    public init(percent: Double) { fraction = percent / 100 }

    /// `10%`.
    public static var optionType: OptionType {
        OptionType(
            name: "percent", schema: ["type": "string", "pattern": #"^\d{1,3}(\.\d+)?\s*%$"#, "examples": ["10%"]])
    }

    /// Reads `10%`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Share {
        guard let text = value.stringValue, text.hasSuffix("%"),
            let percent = Double(text.dropLast().filter { $0 != " " }), percent.isFinite
        else { throw .wrongType(#"a share such as "10%""#, got: value) }
        return Share(percent: percent)
    }

    /// Orders by size.
    public static func < (left: Share, right: Share) -> Bool { left.fraction < right.fraction }

    /// As written.
    public var optionJSON: JSONValue {
        // Six digits are kept: a share such as 3.3% has no exact binary form.
        let percent = (fraction * 100_000_000).rounded() / 1_000_000
        return .string(percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%")
    }
}
