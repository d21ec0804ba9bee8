package import Media
package import PipelineKit

/// `auto`, `source` or a size such as `1080x1920`.
extension DeliveryOptions.FrameSize: OptionValue {
    package static var optionType: OptionType {
        OptionType(
            name: "auto|source|WxH",
            schema: [
                "type": "string", "pattern": #"^(auto|source|\d{3,4}x\d{3,4})$"#,
                "examples": ["auto", "source", "1080x1920"],
            ])
    }

    /// Parses `auto`, `source` or a size such as `1080x1920`.
    package static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        let expected = #""auto", "source" or a size such as "1080x1920""#
        guard let text = value.stringValue else { throw .wrongType(expected, got: value) }
        if text == "auto" { return .auto }
        if text == "source" { return .source }
        let parts = text.split(whereSeparator: { $0 == "x" || $0 == "×" }).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1] else {
            throw .wrongType(expected, got: value)
        }
        guard (360...4096).contains(width), (360...4096).contains(height), width % 2 == 0, height % 2 == 0 else {
            throw OptionProblem("out-of-range", "takes even sides between 360 and 4096, not \(text)")
        }
        return .exact(width: width, height: height)
    }

    package var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .source: "source"
        case .exact(let width, let height): .string("\(width)x\(height)")
        }
    }
}
