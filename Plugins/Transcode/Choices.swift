public import PipelineKit

/// What happens to a picture of another shape than the delivery.
public enum Fit: String, OptionValue, CaseIterable {
    /// Cut off what sticks out.
    case crop
    /// Show all of it, with bars.
    case pad
    /// Show all of it, over a blurred and dimmed copy.
    case blur
}

/// Whether footage that already meets the delivery spec is copied.
public enum Passthrough: String, OptionValue, CaseIterable {
    /// When it can be.
    case auto
    /// Never.
    case never
    /// Always: refuse what would have to be encoded.
    case require
}

/// What happens to footage that is longer than `maxDuration`.
public enum Overlong: String, OptionValue, CaseIterable {
    /// Cut off at the end.
    case trim
    /// Refused.
    case error
    /// Played faster, up to twice, with the pitch kept.
    case speed
}

/// Whether fields are taken apart.
public enum Deinterlacing: String, OptionValue, CaseIterable {
    /// Where the pictures show it: the stream's flag alone is not trusted.
    case auto
    /// Always.
    case always
    /// Never.
    case never
}

/// What becomes of the footage's tags.
public enum MetadataPolicy: String, OptionValue, CaseIterable {
    /// None are kept.
    case strip
    /// Title, comment, date, genre and the like are kept; what identifies a place, a device or a person never is.
    case keep
}

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
        let percent = fraction * 100
        return .string(percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%")
    }
}

/// x264's presets, from fastest to smallest.
public enum Preset: String, OptionValue, CaseIterable {
    /// Largest files, least work.
    case ultrafast
    /// See ``ultrafast``.
    case superfast
    /// For previews.
    case veryfast
    /// Between.
    case faster
    /// The default: the service encodes everything again.
    case fast
    /// x264's own default.
    case medium
    /// Smaller files.
    case slow
    /// Smaller files.
    case slower
    /// Smallest files that are worth the wait.
    case veryslow
    /// Not worth the wait.
    case placebo
}

/// The colour of bars: a name or `#RRGGBB`.
public struct Colour: OptionValue, Hashable {
    /// As FFmpeg writes it.
    public var name: String
    private let written: String

    /// Black.
    public static let black = Colour(name: "black", written: "black")

    private static let names = [
        "black", "white", "gray", "silver", "red", "green", "blue", "navy", "purple", "orange", "yellow", "pink",
    ]

    private init(name: String, written: String) {
        self.name = name
        self.written = written
    }

    /// A name or six hex digits.
    public static var optionType: OptionType {
        OptionType(
            name: "colour",
            schema: [
                "type": "string", "pattern": .string("^(\(names.joined(separator: "|"))|#[0-9A-Fa-f]{6})$"),
                "examples": ["black", "#1a1a2e"],
            ])
    }

    /// Reads `black` or `#1a1a2e`.
    public static func parse(_ value: JSONValue) throws(OptionProblem) -> Colour {
        let expected = "one of \(names.joined(separator: ", ")), or #RRGGBB"
        guard let text = value.stringValue else { throw .wrongType(expected, got: value) }
        if names.contains(text) { return Colour(name: text, written: text) }
        let digits = text.dropFirst()
        guard text.hasPrefix("#"), digits.count == 6, digits.allSatisfy(\.isHexDigit) else {
            throw OptionProblem(
                "unknown-choice", "takes \(expected), not \"\(text)\"",
                hint: NearestName.of(text, in: names).map { "did you mean \"\($0)\"?" })
        }
        return Colour(name: "0x\(digits)", written: text)
    }

    /// As written.
    public var optionJSON: JSONValue { .string(written) }
}
