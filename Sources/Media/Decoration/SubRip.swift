import Foundation
import PipelineKit

/// Reads SubRip subtitles (`.srt`) as they are found in the wild.
enum SubRip {
    /// A text and its time.
    struct Cue: Equatable {
        var start: Double
        var end: Double
        /// With the tags that it was written with.
        var text: String
    }

    /// The cues of a file; what can't be read is passed over.
    static func cues(_ text: String) -> [Cue] {
        var cues: [Cue] = []
        var lines: [Substring] = []
        var time: (start: Double, end: Double)?
        func close(dropsNumber: Bool) {
            defer { lines = [] }
            guard let span = time else { return }
            // The number of the next cue, where no empty line parts them.
            if dropsNumber, let last = lines.last, !last.isEmpty, last.allSatisfy(\.isNumber) { lines.removeLast() }
            let text = lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
            if !text.isEmpty, span.end > span.start { cues.append(Cue(start: span.start, end: span.end, text: text)) }
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let next = timing(line) {
                close(dropsNumber: true)
                time = next
            } else if line.allSatisfy(\.isWhitespace) {
                close(dropsNumber: false)
                time = nil
            } else if time != nil {
                lines.append(line)
            }
        }
        close(dropsNumber: false)
        return cues
    }

    private static func timing(_ line: Substring) -> (start: Double, end: Double)? {
        guard let arrow = line.firstRange(of: "-->"), let start = seconds(line[..<arrow.lowerBound]),
            // Places may follow the time.
            let end = seconds(line[arrow.upperBound...].split(separator: " ").first ?? "")
        else { return nil }
        return (start, end)
    }

    private static func seconds(_ text: Substring) -> Double? {
        let parts = text.replacing(",", with: ".").trimmingCharacters(in: .whitespaces).split(separator: ":")
        guard (2...3).contains(parts.count) else { return nil }
        var result = 0.0
        for part in parts {
            guard let value = Double(part), value >= 0, value < 1_000_000 else { return nil }
            result = result * 60 + value
        }
        return result
    }

    /// A cue's text for libass: italics, bold, underlined and struck out letters and colours are kept, a leading
    /// `{\an8}` moves it, other markup is dropped, everything else is drawn as it is.
    static func markup(_ text: String) -> String {
        var rest = text[...]
        var result = ""
        while let next = rest.first {
            if rest.hasPrefix("{\\"), let end = rest.firstIndex(of: "}") {
                if result.isEmpty, let place = rest[..<end].firstMatch(of: /^\{\\an([1-9])$/) {
                    result = "{\\an\(place.1)}"
                }
                rest = rest[rest.index(after: end)...]
            } else if next == "<", let tag = rest.prefixMatch(of: /<(\/?)([A-Za-z]+)([^<>\n]*)>/) {
                result += Self.tag(String(tag.2).lowercased(), closes: !tag.1.isEmpty, attributes: tag.3)
                rest = rest[tag.range.upperBound...]
            } else {
                result += AssScript.literal(String(next))
                rest = rest.dropFirst()
            }
        }
        return result
    }

    private static func tag(_ name: String, closes: Bool, attributes: Substring) -> String {
        switch name {
        case "i", "b", "u", "s": return "{\\\(name)\(closes ? 0 : 1)}"
        case "font":
            if closes { return "{\\c}" }
            guard let written = attributes.firstMatch(of: /color\s*=\s*["']?(#?[0-9A-Za-z]+)/)?.1,
                let colour = try? Colour.parse(.string(written.lowercased()))
            else { return "" }
            return "{\\c\(AssScript.colour(colour.rgb, opacity: 1))&}"
        default: return ""
        }
    }
}
