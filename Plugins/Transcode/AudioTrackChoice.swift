package import Media
package import PipelineKit

/// `auto`, `none`, the number of an audio track, or a language.
extension DeliveryOptions.AudioTrackChoice: OptionValue {
    package static var optionType: OptionType {
        OptionType(
            name: "auto|none|number|language",
            schema: [
                "anyOf": [
                    ["type": "integer", "minimum": 0, "maximum": 63],
                    ["type": "string", "pattern": #"^(auto|none|\d{1,2}|[A-Za-z]{2,3})$"#],
                ],
                "examples": ["auto", "none", 1, "eng"],
            ])
    }

    /// Parses `auto`, `none`, a number or a language code.
    package static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        let expected = #""auto", "none", the number of an audio track from 0, or a language such as "eng""#
        if value == "auto" { return .auto }
        if value == "none" { return .none }
        if let number = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }) {
            guard (0...63).contains(number) else {
                throw OptionProblem("out-of-range", "must be between 0 and 63, not \(number)")
            }
            return .number(Int(number))
        }
        guard let text = value.stringValue, (2...3).contains(text.count), text.allSatisfy({ $0.isASCII && $0.isLetter })
        else { throw .wrongType(expected, got: value) }
        return .language(text.lowercased())
    }

    package var optionJSON: JSONValue {
        switch self {
        case .auto: "auto"
        case .none: "none"
        case .number(let number): .integer(Int64(number))
        case .language(let code): .string(code)
        }
    }
}
