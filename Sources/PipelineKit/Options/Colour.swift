/// The value of a colour option, written as a name such as `black` or as `#RRGGBB`.
public struct Colour: OptionValue, Hashable {
    /// The colour in FFmpeg's syntax: a name, or `0x` and six hex digits.
    public var name: String
    private let written: String

    public static let black = Colour(name: "black", written: "black")
    public static let white = Colour(name: "white", written: "white")

    // FFmpeg and CSS give these names the same values.
    private static let values: [(name: String, rgb: Int)] = [
        ("black", 0x000000), ("white", 0xffffff), ("gray", 0x808080), ("silver", 0xc0c0c0), ("red", 0xff0000),
        ("green", 0x008000), ("blue", 0x0000ff), ("navy", 0x000080), ("purple", 0x800080), ("orange", 0xffa500),
        ("yellow", 0xffff00), ("pink", 0xffc0cb),
    ]
    private static var names: [String] { values.map(\.name) }

    /// The colour as the number `0xRRGGBB`.
    public var rgb: Int {
        Colour.values.first { $0.name == written }?.rgb ?? Int(written.dropFirst(), radix: 16) ?? 0
    }

    private init(name: String, written: String) {
        self.name = name
        self.written = written
    }

    public static var optionType: OptionType {
        OptionType(
            name: "colour",
            schema: [
                "type": "string", "pattern": .string("^(\(names.joined(separator: "|"))|#[0-9A-Fa-f]{6})$"),
                "examples": ["black", "#1a1a2e"],
            ])
    }

    /// Parses `black` or `#1a1a2e`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Colour {
        let expected = "one of \(names.joined(separator: ", ")), or #RRGGBB"
        guard let text = value.stringValue else { throw .wrongType(expected, got: value) }
        if names.contains(text) { return Colour(name: text, written: text) }
        let digits = text.dropFirst()
        guard text.hasPrefix("#"), digits.count == 6, digits.allSatisfy(\.isHexDigit) else {
            throw OptionProblem(
                "unknown-choice", "takes \(expected), not \"\(text)\"",
                hint: NearestName.hint(for: text, in: names))
        }
        return Colour(name: "0x\(digits)", written: text)
    }

    public var optionJSON: JSONValue { .string(written) }
}
