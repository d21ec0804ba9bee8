/// Something that is drawn on the picture when it is encoded, after cropping, scaling and colour: one encode does it all.
///
/// Sizes and places are shares of the delivered picture; times are seconds of the delivery, those of subtitles seconds
/// of the footage. Later decorations are drawn over earlier ones.
public enum PictureDecoration: Sendable, Hashable {
    /// A picture with or without transparency.
    case image(ImageDecoration)
    /// A text.
    case text(TextDecoration)
    /// Subtitles from a file.
    case subtitles(SubtitleDecoration)

    /// The files that it is made from.
    public var files: [FileReference] {
        switch self {
        case .image(let image): [image.file]
        case .text(let text): text.font.file.map { [$0] } ?? []
        case .subtitles(let subtitles): [subtitles.file] + (subtitles.style.font.file.map { [$0] } ?? [])
        }
    }
}

extension PictureDecoration: Codable {
    private enum CodingKeys: String, CodingKey {
        case image
        case text
        case subtitles
    }

    /// Reads an object with one of the keys `image`, `text` and `subtitles`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let image = try container.decodeIfPresent(ImageDecoration.self, forKey: .image) {
            self = .image(image)
        } else if let text = try container.decodeIfPresent(TextDecoration.self, forKey: .text) {
            self = .text(text)
        } else {
            self = .subtitles(try container.decode(SubtitleDecoration.self, forKey: .subtitles))
        }
    }

    /// Writes an object with one of the keys `image`, `text` and `subtitles`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .image(let image): try container.encode(image, forKey: .image)
        case .text(let text): try container.encode(text, forKey: .text)
        case .subtitles(let subtitles): try container.encode(subtitles, forKey: .subtitles)
        }
    }
}

/// Where a decoration stands.
public struct DecorationPlace: Sendable, Hashable, Codable {
    /// The corner, side or middle of the free area.
    public var anchor: Anchor
    /// Distance from the free area's border, in shares of the picture's width.
    public var margin: Double
    /// The borders that are kept clear.
    public var insets: SafeArea.Insets

    /// A place.
    public init(anchor: Anchor, margin: Double, insets: SafeArea.Insets) {
        self.anchor = anchor
        self.margin = margin
        self.insets = insets
    }
}

/// When a decoration is shown, in seconds of the delivery.
public struct DecorationTime: Sendable, Hashable, Codable {
    /// From here on.
    public var start: Double
    /// Up to here; nil for the end.
    public var end: Double?

    /// A time.
    public init(start: Double = 0, end: Double? = nil) {
        self.start = start
        self.end = end
    }
}

/// A picture that is put over the footage.
public struct ImageDecoration: Sendable, Hashable, Codable {
    /// A PNG, JPEG or WebP file.
    public var file: FileReference
    /// Its size in pixels.
    public var pixelWidth: Int
    /// Its height in pixels.
    public var pixelHeight: Int
    /// Share of the delivered picture's width.
    public var width: Double
    /// 0 is invisible, 1 as the file has it.
    public var opacity: Double
    /// Where it stands.
    public var place: DecorationPlace
    /// When it is shown.
    public var time: DecorationTime

    /// A picture.
    public init(
        file: FileReference, pixelWidth: Int, pixelHeight: Int, width: Double, opacity: Double, place: DecorationPlace,
        time: DecorationTime
    ) {
        self.file = file
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
        self.width = width
        self.opacity = opacity
        self.place = place
        self.time = time
    }
}

/// A typeface: the family's name, and the file that has it when it is not installed.
public struct DecorationFont: Sendable, Hashable, Codable {
    /// Name of the family.
    public var family: String
    /// The file that has it; nil for an installed font.
    public var file: FileReference?

    /// A typeface.
    public init(family: String, file: FileReference? = nil) {
        self.family = family
        self.file = file
    }
}

/// How letters look.
public struct TextStyle: Sendable, Hashable, Codable {
    /// The typeface.
    public var font: DecorationFont
    /// Height of a line, in shares of the picture's height.
    public var size: Double
    /// Red, green and blue, eight bits each.
    public var colour: Int
    /// Colour of the outline.
    public var outlineColour: Int

    /// A style.
    public init(font: DecorationFont, size: Double, colour: Int, outlineColour: Int) {
        self.font = font
        self.size = size
        self.colour = colour
        self.outlineColour = outlineColour
    }
}

/// A text that is put over the footage, as it is: nothing in it is markup.
public struct TextDecoration: Sendable, Hashable, Codable {
    /// The text; lines are parted by line feeds, and long ones are wrapped.
    public var text: String
    /// How its letters look.
    public var style: TextStyle
    /// 0 is invisible, 1 opaque.
    public var opacity: Double
    /// Where it stands.
    public var place: DecorationPlace
    /// When it is shown.
    public var time: DecorationTime

    /// The typeface.
    public var font: DecorationFont { style.font }

    /// A text.
    public init(text: String, style: TextStyle, opacity: Double, place: DecorationPlace, time: DecorationTime) {
        self.text = text
        self.style = style
        self.opacity = opacity
        self.place = place
        self.time = time
    }
}

/// Subtitles that are burnt in.
public struct SubtitleDecoration: Sendable, Hashable, Codable {
    /// How the file is written.
    public enum Format: String, Sendable, Codable {
        /// SubRip: drawn in `style`.
        case srt
        /// (Advanced) SubStation Alpha: drawn in the styles that it brings.
        case ass
    }

    /// The file.
    public var file: FileReference
    /// How it is written.
    public var format: Format
    /// Its character encoding, by a name that iconv knows.
    public var encoding: String
    /// How letters look, when the file does not say it.
    public var style: TextStyle
    /// Where they stand, when the file does not say it.
    public var place: DecorationPlace

    /// Subtitles.
    public init(
        file: FileReference, format: Format, encoding: String, style: TextStyle, place: DecorationPlace
    ) {
        self.file = file
        self.format = format
        self.encoding = encoding
        self.style = style
        self.place = place
    }
}

extension KeyedDecodingContainer {
    /// Artifacts written before there were decorations, or by plugins that know none, have none.
    func decode(_ type: [PictureDecoration].Type, forKey key: Key) throws -> [PictureDecoration] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}
