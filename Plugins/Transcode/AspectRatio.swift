package import Media
package import PipelineKit

/// A ratio such as `9:16`, or `source`.
extension DeliveryOptions.AspectRatio: OptionValue {
    package static var optionType: OptionType {
        OptionType(
            name: "W:H|source",
            schema: [
                "type": "string", "pattern": #"^(\d{1,4}:\d{1,4}|source)$"#, "examples": ["9:16", "4:5", "source"],
            ])
    }

    /// Parses a ratio such as `9:16`, or `source`.
    package static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        guard let text = value.stringValue else {
            throw .wrongType(#"a ratio such as "9:16", or "source""#, got: value)
        }
        if text == "source" { return .source }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], (1...9999).contains(width),
            (1...9999).contains(height)
        else { throw .wrongType(#"a ratio such as "9:16", or "source""#, got: value) }
        let shape = Double(width) / Double(height)
        guard shape >= 360.0 / 1920, shape <= 1920.0 / 360 else {
            throw OptionProblem("out-of-range", "must be between 3:16 and 16:3, not \(text)")
        }
        return .ratio(width, height)
    }

    package var optionJSON: JSONValue {
        switch self {
        case .ratio(let width, let height): .string("\(width):\(height)")
        case .source: "source"
        }
    }
}
