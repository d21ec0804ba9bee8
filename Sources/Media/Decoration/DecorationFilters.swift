import Foundation
package import PipelineKit

/// The filters that draw decorations on frames of the delivery, and the script files that they read. Keep this object
/// until the filter graph is built: it deletes the script files when it is released.
package final class DecorationFilters {
    /// The text to append to the video filters; empty if nothing is drawn.
    package let text: String
    private let scripts: ScriptFolder

    /// Builds filters for frames of `width`×`height` in yuv420p.
    /// - Parameters:
    ///   - offset: Time of the delivery's first frame, in seconds from the start of the footage.
    ///   - speed: Seconds of footage per second of the delivery.
    ///   - scratch: The path next to which the folder for script files is created.
    /// - Throws: `MediaError` if a file of a decoration can't be read.
    package init(
        _ decorations: [VideoDecoration], width: Int, height: Int, offset: Double, speed: Double = 1, scratch: String
    ) throws(MediaError) {
        scripts = ScriptFolder(path: scratch + ".decorations")
        var text = ""
        for (number, decoration) in decorations.enumerated() {
            switch decoration {
            case .image(let image):
                text += DecorationFilters.filters(image, number: number, width: width, height: height)
            case .text(let decoration):
                let font = try scripts.fonts(decoration.font)
                let size = try TextFit.size(of: decoration, width: width, height: height, fonts: font, scripts: scripts)
                let script = DecorationFilters.script(decoration, size: size, width: width, height: height)
                text += "," + DecorationFilters.ass(try scripts.write(script.text), fonts: font)
            case .subtitles(let subtitles):
                let file = try SubtitleFile(subtitles, width: width, height: height)
                let font = try scripts.fonts(subtitles.style.font)
                let filter = DecorationFilters.ass(try scripts.write(file.script), fonts: font)
                text += "," + DecorationFilters.inFootageTime(filter, offset: offset, speed: speed)
            }
        }
        self.text = text
    }

    /// Filters that read and scale an image once, then overlay this only frame until the end.
    static func filters(_ image: ImageDecoration, number: Int, width: Int, height: Int) -> String {
        let area = FreeArea(image.position, canvasWidth: width, canvasHeight: height)
        let box = area.box(
            width: image.width * Double(width), pixelWidth: image.pixelWidth, pixelHeight: image.pixelHeight)
        var filters = [StillImage.source(image.file.path), "format=gbrap"]
        // Scale premultiplied colours: otherwise transparent pixels bleed into the edges.
        filters += [
            "premultiply=inplace=1", "scale=w=\(box.width):h=\(box.height):flags=lanczos", "unpremultiply=inplace=1",
        ]
        if image.opacity < 1 { filters.append(String(format: "colorchannelmixer=aa=%.4f", image.opacity)) }
        filters += ["scale=out_color_matrix=bt709:out_range=tv", "format=yuva420p"]
        let end = image.time.end ?? AssScript.forever
        let isAlways = image.time.start <= 0 && image.time.end == nil
        // The end is exclusive.
        let times = isAlways ? "" : String(format: ":enable='gte(t,%.4f)*lt(t,%.4f)'", image.time.start, end)
        return "[under\(number)];" + filters.joined(separator: ",") + "[over\(number)];[under\(number)][over\(number)]"
            + "overlay=x=\(box.x):y=\(box.y):format=yuv420:eof_action=repeat\(times)"
    }

    /// The script for a text with lines of `size` pixels.
    static func script(_ text: TextDecoration, size: Double, width: Int, height: Int) -> AssScript {
        let area = FreeArea(text.position, canvasWidth: width, canvasHeight: height)
        let point = area.anchorPoint
        var style = AssScript.Style(text.style, height: height)
        style.outline *= size / max(1, style.size)
        style.size = size
        style.opacity = text.opacity
        style.alignment = text.position.anchor.alignment
        // libass wraps lines between the margins.
        style.marginLeft = Int(area.x.rounded(.up))
        style.marginRight = Int((Double(width) - area.x - area.width).rounded(.up))
        var script = AssScript(width: width, height: height, style: style)
        script.events = [
            AssScript.Event(
                start: text.time.start, end: text.time.end ?? AssScript.forever,
                text: String(format: "{\\pos(%.1f,%.1f)}", point.x, point.y) + AssScript.literal(text.text))
        ]
        return script
    }

    static func ass(_ path: String, fonts: String?) -> String {
        "ass=filename=\(FilterText.value(path))" + (fonts.map { ":fontsdir=\(FilterText.value($0))" } ?? "")
    }

    /// Wraps a filter so that it sees the footage's time instead of the delivery's.
    private static func inFootageTime(_ filter: String, offset: Double, speed: Double) -> String {
        if abs(offset) < 0.0005, speed == 1 { return filter }
        return String(format: "setpts=round(PTS*%.9f+(%.9f)/TB),", speed, offset) + filter
            + String(format: ",setpts=round((PTS-(%.9f)/TB)/%.9f)", offset, speed)
    }
}
