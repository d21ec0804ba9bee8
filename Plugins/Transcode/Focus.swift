package import Media
package import PipelineKit

/// A side, or a point in fractions of width and height.
extension DeliveryOptions.Focus: OptionValue {
    private static let names: [(name: String, focus: Self)] = [
        ("center", .center), ("top", Self(x: 0.5, y: 0)), ("bottom", Self(x: 0.5, y: 1)),
        ("left", Self(x: 0, y: 0.5)), ("right", Self(x: 1, y: 0.5)),
    ]

    package static var optionType: OptionType {
        let keywords = names.map(\.name)
        return OptionType(
            name: keywords.joined(separator: "|") + "|x,y",
            schema: [
                "type": "string",
                "pattern": .string(
                    "^(\(keywords.joined(separator: "|"))|(0(\\.\\d+)?|1(\\.0+)?),\\s*(0(\\.\\d+)?|1(\\.0+)?))$"),
                "examples": ["center", "0.3,0.5"],
            ])
    }

    /// Parses a name such as `left`, or a point such as `0.3,0.5`.
    package static func parse(_ value: JSONValue) throws(OptionProblem) -> Self {
        let expected = #"one of center, top, bottom, left, right, or a point such as "0.3,0.5""#
        guard let text = value.stringValue else { throw .wrongType(expected, got: value) }
        if let known = names.first(where: { $0.name == text }) { return known.focus }
        let parts = text.split(separator: ",").map { Double($0.filter { $0 != " " }) }
        guard parts.count == 2, let x = parts[0], let y = parts[1], (0...1).contains(x), (0...1).contains(y) else {
            throw OptionProblem(
                "unknown-choice", "takes \(expected), not \"\(text)\"",
                hint: NearestName.of(text, in: names.map(\.name)).map { "did you mean \"\($0)\"?" })
        }
        return Self(x: x, y: y)
    }

    package var optionJSON: JSONValue {
        .string(Self.names.first { $0.focus == self }?.name ?? "\(x),\(y)")
    }
}
