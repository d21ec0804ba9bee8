import Foundation
import PipelineKit

/// Reads SubRip subtitles (`.srt`), including files that break the format's rules.
enum SubRip {
    /// A text that is shown from `start` to `end`, in seconds.
    struct Cue: Equatable {
        var start: Double
        var end: Double
        /// The text as in the file, including tags.
        var text: String
    }

    /// Reads the cues of a file, skipping what can't be read.
    static func cues(_ text: String) -> [Cue] {
        var cues: [Cue] = []
        var lines: [Substring] = []
        var time: (start: Double, end: Double)?
        func close(dropsNumber: Bool) {
            defer { lines = [] }
            guard let interval = time else { return }
            // Without an empty line between two cues, the last line is the next cue's number.
            if dropsNumber, let last = lines.last, !last.isEmpty, last.allSatisfy(\.isNumber) { lines.removeLast() }
            let text = lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
            if !text.isEmpty, interval.end > interval.start {
                cues.append(Cue(start: interval.start, end: interval.end, text: text))
            }
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
            // Coordinates may follow the end time.
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

    /// Converts a cue's text to ASS markup. Keeps italics, bold, underline, strikethrough, colours and a leading position
    /// such as `{\an8}`; drops other markup and draws everything else literally.
    static func markup(_ text: String) -> String {
        var rest = text[...]
        var result = ""
        while let next = rest.first {
            if rest.hasPrefix("{\\"), let end = rest.firstIndex(of: "}") {
                if result.isEmpty, let position = rest[..<end].firstMatch(of: /^\{\\an([1-9])$/) {
                    result = "{\\an\(position.1)}"
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
