/// The part of the frame that TikTok's interface does not cover, for stages that draw text or images.
///
/// A pipeline file has `true` for the usual borders, `false` for the whole frame, or an object with borders of its own
/// such as `{"bottom": "25%"}`.
public struct SafeArea: OptionValue, Hashable {
    /// The borders to keep clear.
    public var insets: Insets
    private let isNamed: Bool

    private init(insets: Insets, isNamed: Bool) {
        self.insets = insets
        self.isNamed = isNamed
    }

    /// Keeps clear of TikTok's interface: the search bar at the top, caption, sound and progress bar at the bottom,
    /// buttons on the right. Measured on current phones, because TikTok publishes no values.
    public static let tiktok = SafeArea(
        insets: Insets(top: 0.07, right: 0.11, bottom: 0.17, left: 0.06), isNamed: true)
    /// The whole frame, without borders.
    public static let whole = SafeArea(insets: Insets(top: 0, right: 0, bottom: 0, left: 0), isNamed: true)

    /// Borders as fractions (0 … 1) of the frame's height (top, bottom) and width (left, right).
    public struct Insets: Sendable, Hashable, Codable {
        public var top: Double
        public var right: Double
        public var bottom: Double
        public var left: Double

        public init(top: Double, right: Double, bottom: Double, left: Double) {
            self.top = top
            self.right = right
            self.bottom = bottom
            self.left = left
        }
    }

    private static let sides = ["top", "right", "bottom", "left"]

    public static var optionType: OptionType {
        let percentage = Percentage.optionType.schema
        return OptionType(
            name: "true|false|borders",
            schema: [
                "type": ["boolean", "object"], "additionalProperties": false,
                "properties": .object(Dictionary(uniqueKeysWithValues: sides.map { ($0, percentage) })),
                "examples": [true, ["top": "7%", "right": "11%", "bottom": "17%", "left": "6%"]],
            ])
    }

    /// Parses `true`, `false` or `{"bottom": "25%"}`; sides that are left out keep their usual border.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> SafeArea {
        // `--set` passes text.
        if value == .bool(true) || value == "true" { return .tiktok }
        if value == .bool(false) || value == "false" { return .whole }
        guard case .object(let members) = value else {
            throw .wrongType(#"true, false, or borders such as {"bottom": "25%"}"#, got: value)
        }
        if let unknown = members.keys.sorted().first(where: { !sides.contains($0) }) {
            throw .unknownKey(unknown, known: sides)
        }
        func inset(_ side: String, default inset: Double) throws(OptionProblem) -> Double {
            guard let value = members[side], value != .null else { return inset }
            let percentage = try Percentage.parse(value)
            guard (0...0.45).contains(percentage.fraction) else {
                throw OptionProblem(
                    "out-of-range", "\(side) must be between 0% and 45%, not \(value.stringValue ?? "")")
            }
            return percentage.fraction
        }
        let defaults = SafeArea.tiktok.insets
        let insets = Insets(
            top: try inset("top", default: defaults.top), right: try inset("right", default: defaults.right),
            bottom: try inset("bottom", default: defaults.bottom), left: try inset("left", default: defaults.left))
        return SafeArea(insets: insets, isNamed: false)
    }

    public var optionJSON: JSONValue {
        if isNamed { return .bool(self == .tiktok) }
        func percentage(_ fraction: Double) -> JSONValue { Percentage(percent: fraction * 100).optionJSON }
        return [
            "top": percentage(insets.top), "right": percentage(insets.right), "bottom": percentage(insets.bottom),
            "left": percentage(insets.left),
        ]
    }
}
