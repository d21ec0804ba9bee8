public import PipelineKit

/// The part of the frame that cropping keeps: a side, or a point in fractions of width and height.
public struct Focus: OptionValue, Hashable {
    /// 0 is left, 1 right.
    public var x: Double
    /// 0 is top, 1 bottom.
    public var y: Double

    public static let center = Focus(x: 0.5, y: 0.5)

    private static let names: [(name: String, focus: Focus)] = [
        ("center", .center), ("top", Focus(x: 0.5, y: 0)), ("bottom", Focus(x: 0.5, y: 1)),
        ("left", Focus(x: 0, y: 0.5)), ("right", Focus(x: 1, y: 0.5)),
    ]

    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    public static var optionType: OptionType {
        let words = names.map(\.name)
        return OptionType(
            name: words.joined(separator: "|") + "|x,y",
            schema: [
                "type": "string",
                "pattern": .string(
                    "^(\(words.joined(separator: "|"))|(0(\\.\\d+)?|1(\\.0+)?),\\s*(0(\\.\\d+)?|1(\\.0+)?))$"),
                "examples": ["center", "0.3,0.5"],
            ])
    }

    /// Parses a name such as `left`, or a point such as `0.3,0.5`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Focus {
        let expected = #"one of center, top, bottom, left, right, or a point such as "0.3,0.5""#
        guard let text = value.stringValue else { throw .wrongType(expected, got: value) }
        if let known = names.first(where: { $0.name == text }) { return known.focus }
        let parts = text.split(separator: ",").map { Double($0.filter { $0 != " " }) }
        guard parts.count == 2, let x = parts[0], let y = parts[1], (0...1).contains(x), (0...1).contains(y) else {
            throw OptionProblem(
                "unknown-choice", "takes \(expected), not \"\(text)\"",
                hint: NearestName.of(text, in: names.map(\.name)).map { "did you mean \"\($0)\"?" })
        }
        return Focus(x: x, y: y)
    }

    public var optionJSON: JSONValue {
        .string(Focus.names.first { $0.focus == self }?.name ?? "\(x),\(y)")
    }
}
