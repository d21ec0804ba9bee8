public import PipelineKit

/// Size of the delivery: `auto`, `source` or `1080x1920`.
public enum FrameSize: OptionValue, Hashable {
    /// The largest standard size that the footage fills.
    case auto
    /// As many pixels as the footage has.
    case source
    /// A fixed size in pixels.
    case exact(width: Int, height: Int)

    public static var optionType: OptionType {
        OptionType(
            name: "auto|source|WxH",
            schema: [
                "type": "string", "pattern": #"^(auto|source|\d{3,4}x\d{3,4})$"#,
                "examples": ["auto", "source", "1080x1920"],
            ])
    }

    /// Parses `auto`, `source` or a size such as `1080x1920`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> FrameSize {
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

    public var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .source: "source"
        case .exact(let width, let height): .string("\(width)x\(height)")
        }
    }
}
