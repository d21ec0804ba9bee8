import CFFmpeg
import Foundation
import PipelineKit

/// An ASS script for libass, which shapes text, finds fonts for every writing system and wraps lines. Coordinates are
/// pixels of the delivery.
struct AssScript {
    /// The style that all events share.
    struct Style {
        var font = "sans-serif"
        /// Height of a line in pixels.
        var size = 64.0
        var colour = 0xffffff
        var outlineColour = 0
        /// Outline width in pixels.
        var outline = 4.0
        /// 0 is transparent, 1 opaque.
        var opacity = 1.0
        var isBold = false
        /// Numbered as on a number pad: 2 is bottom centre, 7 is top left.
        var alignment = 2
        var marginLeft = 0
        var marginRight = 0
        var marginVertical = 0
    }

    /// A text that is shown from `start` to `end`, in seconds.
    struct Event {
        var start: Double
        var end: Double
        /// ASS markup; see ``AssScript/literal(_:)`` for plain text.
        var text: String
        /// Distance from the upper or lower edge in pixels; nil for the style's.
        var marginVertical: Int?
    }

    /// An end time in seconds that is later than the end of any delivery.
    static let forever = 35_999.0

    let width: Int
    let height: Int
    var style: Style
    var events: [Event] = []

    /// The complete script, in the ASS format.
    var text: String {
        let numbers = String(
            format: "%.2f,%@,%@,%@,&H00000000,%d", style.size, Self.colour(style.colour, opacity: style.opacity),
            Self.colour(style.colour, opacity: style.opacity),
            Self.colour(style.outlineColour, opacity: style.opacity), style.isBold ? -1 : 0)
        let borders = String(
            format: "0,0,0,100,100,0,0,1,%.2f,0,%d,%d,%d,%d,1", style.outline, style.alignment, style.marginLeft,
            style.marginRight, style.marginVertical)
        var lines = [
            "[Script Info]", "ScriptType: v4.00+", "PlayResX: \(width)", "PlayResY: \(height)", "WrapStyle: 0",
            "ScaledBorderAndShadow: yes", "", "[V4+ Styles]",
            "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
                + "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, "
                + "MarginL, MarginR, MarginV, Encoding",
            // A comma would end the field. Stages reject such family names; this is a safeguard.
            "Style: Default,\(style.font.filter { !",\r\n".contains($0) }),\(numbers),\(borders)", "", "[Events]",
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
        ]
        lines += events.map {
            // A margin of 0 selects the style's.
            "Dialogue: 0,\(Self.time($0.start)),\(Self.time($0.end)),Default,,0,0,\($0.marginVertical ?? 0),,\($0.text)"
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Escapes `text`, so that it is drawn literally.
    static func literal(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\u{2028}", "\u{2029}": result += "\\N"
            case "\t": result += "    "
            case "{": result += "\\{"
            case "}": result += "\\}"
            // An invisible word joiner keeps the backslash and the next letter from forming a command.
            case "\\": result += "\\\u{2060}"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f: break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Formats a time as `h:mm:ss.cc`.
    static func time(_ seconds: Double) -> String {
        let hundredths = Int((min(max(0, seconds), forever) * 100).rounded())
        return String(
            format: "%d:%02d:%02d.%02d", hundredths / 360_000, hundredths / 6000 % 60, hundredths / 100 % 60,
            hundredths % 100)
    }

    /// Formats a colour as `&HAABBGGRR`, where AA is transparency: 00 is opaque.
    static func colour(_ rgb: Int, opacity: Double) -> String {
        let (red, green, blue) = drawn(rgb)
        return String(format: "&H%02X%02X%02X%02X", Int(((1 - opacity) * 255).rounded()), blue, green, red)
    }

    /// The colour to request from libass so that `rgb` is displayed.
    ///
    /// Before FFmpeg 7 the filter converts with BT.601 regardless of the frame's matrix; the delivery is BT.709.
    private static func drawn(_ rgb: Int) -> (red: Int, green: Int, blue: Int) {
        let (red, green, blue) = (Double(rgb >> 16 & 255), Double(rgb >> 8 & 255), Double(rgb & 255))
        guard avfilter_version() >> 16 < 10 else { return (Int(red), Int(green), Int(blue)) }
        let luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        let (cb, cr) = ((blue - luma) / 1.8556, (red - luma) / 1.5748)
        func byte(_ value: Double) -> Int { Int(min(max(0, value.rounded()), 255)) }
        return (byte(luma + 1.402 * cr), byte(luma - 0.344136 * cb - 0.714136 * cr), byte(luma + 1.772 * cb))
    }
}

extension AssScript.Style {
    /// Converts a style to pixels for frames of `height` pixels.
    init(_ style: TextStyle, height: Int) {
        font = style.font.family
        size = style.size * Double(height)
        colour = style.colour
        outlineColour = style.outlineColour
        outline = max(1, size * 0.055)
    }
}

extension Anchor {
    /// The ASS alignment, numbered as on a number pad.
    var alignment: Int {
        switch self {
        case .bottomLeft: 1
        case .bottom: 2
        case .bottomRight: 3
        case .left: 4
        case .center: 5
        case .right: 6
        case .topLeft: 7
        case .top: 8
        case .topRight: 9
        }
    }
}
