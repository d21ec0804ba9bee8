import Foundation
package import PipelineKit

/// A subtitle file, converted to an ASS script.
package struct SubtitleFile: Sendable {
    /// The encoding in which the file was read.
    package var encoding: String
    /// Number of subtitles in the file.
    package var count: Int
    /// The file's own ASS script, or a script made from its SubRip cues for the given frame size.
    package var script: String

    /// Whether an encoding is supported; `auto` is.
    package static func knows(encoding: String) -> Bool {
        encoding.lowercased() == "auto" || SubtitleText.knows(encoding)
    }

    /// Reads the file of a decoration, to be drawn on frames of `width`×`height`.
    /// - Throws: `MediaError` if the file can't be read or contains no subtitles.
    package init(_ decoration: SubtitleDecoration, width: Int, height: Int) throws(MediaError) {
        let path = decoration.file.path
        let (text, encoding) = try SubtitleText.read(path, encoding: decoration.encoding)
        self.encoding = encoding
        switch decoration.format {
        case .ass:
            count = text.split(separator: "\n").count { $0.hasPrefix("Dialogue:") }
            guard text.contains("[Script Info]") else {
                throw MediaError("reading subtitles", text: "not an .ass file: [Script Info] is missing", file: path)
            }
            script = text
        case .srt:
            let cues = SubRip.cues(text)
            count = cues.count
            guard !cues.isEmpty || text.allSatisfy(\.isWhitespace) else {
                throw MediaError("reading subtitles", text: "no timed subtitles found", file: path)
            }
            let area = FreeArea(decoration.position, canvasWidth: width, canvasHeight: height)
            var style = AssScript.Style(decoration.style, height: height)
            style.isBold = true
            style.alignment = decoration.position.anchor.alignment
            style.marginLeft = Int(area.x.rounded(.up))
            style.marginRight = Int((Double(width) - area.x - area.width).rounded(.up))
            let (above, below) = (Int(area.y.rounded(.up)), Int((Double(height) - area.y - area.height).rounded(.up)))
            style.marginVertical = decoration.position.anchor.y < 0.5 ? above : below
            var script = AssScript(width: width, height: height, style: style)
            script.events = cues.map { cue in
                let text = SubRip.markup(cue.text)
                // A cue that is moved to the other edge uses the margin of that edge.
                let margin = text.firstMatch(of: /^\{\\an([1-9])\}/).flatMap { Int($0.1) }.map {
                    $0 > 6 ? above : below
                }
                return AssScript.Event(start: cue.start, end: cue.end, text: text, marginVertical: margin)
            }
            self.script = script.text
        }
    }
}
