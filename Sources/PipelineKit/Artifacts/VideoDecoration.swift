/// Something to draw over the video when it is encoded: an image, a text or subtitles.
///
/// Decorations are drawn in the delivery's only encode, after cropping, scaling and colour conversion; later ones cover
/// earlier ones. Sizes and positions are fractions of the delivered frame. Times are seconds of the delivery; subtitles
/// are timed in seconds of the footage.
public enum VideoDecoration: Sendable, Hashable {
    /// An image, with or without transparency.
    case image(ImageDecoration)
    /// A text that the pipeline contains.
    case text(TextDecoration)
    /// Subtitles from a file.
    case subtitles(SubtitleDecoration)

    /// The image, font and subtitle files that the decoration needs.
    public var files: [FileReference] {
        switch self {
        case .image(let image): [image.file]
        case .text(let text): text.font.file.map { [$0] } ?? []
        case .subtitles(let subtitles): [subtitles.file] + (subtitles.style.font.file.map { [$0] } ?? [])
        }
    }
}

extension VideoDecoration: Codable {
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

/// The position of a decoration in the frame.
public struct DecorationPosition: Sendable, Hashable, Codable {
    /// The corner, edge or centre of the free area that the decoration is aligned with.
    public var anchor: Anchor
    /// The distance from the edges of the free area, as a fraction of the frame width.
    public var margin: Double
    /// The edges of the frame to keep clear; the rest is the free area.
    public var insets: SafeArea.Insets

    public init(anchor: Anchor, margin: Double, insets: SafeArea.Insets) {
        self.anchor = anchor
        self.margin = margin
        self.insets = insets
    }
}

/// When a decoration is visible, in seconds of the delivery.
public struct DecorationTime: Sendable, Hashable, Codable {
    public var start: Double
    /// The end; nil for the end of the delivery.
    public var end: Double?

    public init(start: Double = 0, end: Double? = nil) {
        self.start = start
        self.end = end
    }
}

/// An image to draw over the footage.
public struct ImageDecoration: Sendable, Hashable, Codable {
    /// A PNG, JPEG or WebP file.
    public var file: FileReference
    /// The width of the image file in pixels.
    public var pixelWidth: Int
    /// The height of the image file in pixels.
    public var pixelHeight: Int
    /// The width on screen, as a fraction of the width of the delivered frame.
    public var width: Double
    /// From 0 (invisible) to 1 (as the file has it).
    public var opacity: Double
    public var position: DecorationPosition
    public var time: DecorationTime

    private enum CodingKeys: String, CodingKey {
        case file, pixelWidth, pixelHeight, width, opacity
        case position = "place"
        case time
    }

    public init(
        file: FileReference, pixelWidth: Int, pixelHeight: Int, width: Double, opacity: Double,
        position: DecorationPosition,
        time: DecorationTime
    ) {
        self.file = file
        self.pixelWidth = pixelWidth
        self.pixelHeight = pixelHeight
        self.width = width
        self.opacity = opacity
        self.position = position
        self.time = time
    }
}

/// A font family, and the font file when the family is not installed.
public struct DecorationFont: Sendable, Hashable, Codable {
    public var family: String
    /// The font file; nil for an installed font.
    public var file: FileReference?

    public init(family: String, file: FileReference? = nil) {
        self.family = family
        self.file = file
    }
}

/// The font, size and colours of a text.
public struct TextStyle: Sendable, Hashable, Codable {
    public var font: DecorationFont
    /// The line height, as a fraction of the frame height.
    public var size: Double
    /// Red, green and blue with eight bits each: `0xRRGGBB`.
    public var colour: Int
    /// The colour of the outline: `0xRRGGBB`.
    public var outlineColour: Int

    public init(font: DecorationFont, size: Double, colour: Int, outlineColour: Int) {
        self.font = font
        self.size = size
        self.colour = colour
        self.outlineColour = outlineColour
    }
}

/// A text to draw over the footage, verbatim: it has no markup.
public struct TextDecoration: Sendable, Hashable, Codable {
    /// The text; line feeds break lines, and long lines are wrapped.
    public var text: String
    public var style: TextStyle
    /// From 0 (invisible) to 1 (opaque).
    public var opacity: Double
    public var position: DecorationPosition
    public var time: DecorationTime

    public var font: DecorationFont { style.font }

    private enum CodingKeys: String, CodingKey {
        case text, style, opacity
        case position = "place"
        case time
    }

    public init(text: String, style: TextStyle, opacity: Double, position: DecorationPosition, time: DecorationTime) {
        self.text = text
        self.style = style
        self.opacity = opacity
        self.position = position
        self.time = time
    }
}

/// Subtitles to burn in.
public struct SubtitleDecoration: Sendable, Hashable, Codable {
    /// The file format of the subtitles.
    public enum Format: String, Sendable, Codable {
        /// SubRip, drawn in `style`.
        case srt
        /// (Advanced) SubStation Alpha, drawn in the styles of the file.
        case ass
    }

    public var file: FileReference
    public var format: Format
    /// The character encoding of the file, by a name that iconv knows.
    public var encoding: String
    /// The style to use where the file has none.
    public var style: TextStyle
    /// The position to use where the file has none.
    public var position: DecorationPosition

    private enum CodingKeys: String, CodingKey {
        case file, format, encoding, style
        case position = "place"
    }

    public init(
        file: FileReference, format: Format, encoding: String, style: TextStyle, position: DecorationPosition
    ) {
        self.file = file
        self.format = format
        self.encoding = encoding
        self.style = style
        self.position = position
    }
}

extension KeyedDecodingContainer {
    /// Artifacts without the key, from older journals or plugins that don't know decorations, have no decorations.
    func decode(_ type: [VideoDecoration].Type, forKey key: Key) throws -> [VideoDecoration] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}
