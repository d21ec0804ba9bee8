import Foundation
package import PipelineKit

/// A contact sheet: frames of a prepared video, evenly spaced in time, on one image.
package struct FrameSheet: Sendable, Hashable {
    /// Number of frames per row.
    package var columns: Int
    /// Number of rows of frames.
    package var rows: Int
    /// Width of the sheet in pixels.
    package var width: Int

    private static let gap = 8
    private static let background = "0x101014"

    package init(columns: Int, rows: Int, width: Int) {
        self.columns = columns
        self.rows = rows
        self.width = width
    }

    /// Size of one frame on the sheet for a video of the given size, with even sides.
    package func cell(for video: PixelSize) -> PixelSize {
        let across = max(2, (width - FrameSheet.gap * (columns + 1)) / columns / 2 * 2)
        let down = Double(across) * Double(max(1, video.height)) / Double(max(1, video.width))
        return PixelSize(width: across, height: max(2, Int((down / 2).rounded()) * 2))
    }

    /// Times of the frames: the middles of equal parts of the video.
    package func times(duration: Double) -> [Double] {
        let count = columns * rows
        return (0..<count).map { duration * (Double($0) + 0.5) / Double(count) }
    }

    /// Writes the sheet of a video as PNG, with the time on each frame if a font is installed.
    /// - Throws: `MediaError` if nothing can be decoded, the disk is full or the work is cancelled.
    package func write(
        of video: PreparedVideo, to path: String, cancellation: CancellationFlag,
        progress: (Double) -> Void = { _ in }
    ) throws(MediaError) {
        let log = MediaLog()
        try log.attached { () throws(MediaError) in
            let cell = cell(for: PixelSize(width: video.width, height: video.height))
            let times = times(duration: video.duration)
            let scripts = ScriptFolder(path: path + ".scripts")
            let labels = try labelFilter(times: times, cell: cell, scripts: scripts)
            let scaling = FrameFilter(
                "[in]scale=w=\(cell.width):h=\(cell.height):flags=area+accurate_rnd+full_chroma_int"
                    + ":in_color_matrix=bt709:in_range=tv,format=rgb24,setsar=1[out]", log: log)
            let reader = try FrameReader(path: video.file.path, cancellation: cancellation)
            var sheet: FilterGraph?
            var number = 0
            try reader.frames(at: times) { (frame, _) throws(MediaError) in
                let small = try scaling.apply(frame)
                if sheet == nil {
                    sheet = try FilterGraph(
                        video: tiling(labels: labels), like: small, timeBase: Rational(1, 1), frameRate: Rational(1, 1),
                        log: log)
                }
                small.pts = Int64(number)
                number += 1
                try sheet?.push(small)
                progress(0.95 * Double(number) / Double(times.count))
            }
            let image = try Frame()
            try sheet?.close(at: Int64(number))
            guard let sheet, case .frame = try sheet.pull(into: image) else {
                throw MediaError(
                    "making a contact sheet", text: "the filters returned no frame", file: video.file.path, log: log)
            }
            try StillFile.encode(image, to: path, format: .png, log: log)
            withExtendedLifetime(scripts) {}
        }
    }

    /// The filter graph that puts scaled frames on the sheet.
    private func tiling(labels: String) -> String {
        let (gap, background) = (FrameSheet.gap, FrameSheet.background)
        return "[in]tile=layout=\(columns)x\(rows):padding=\(gap):margin=\(gap):color=\(background)"
            + ",pad=w=\(width):h=ih:x=(ow-iw)/2:color=\(background)\(labels),format=rgb24[out]"
    }

    /// The filter that draws the times; empty if no font is installed.
    private func labelFilter(times: [Double], cell: PixelSize, scripts: ScriptFolder) throws(MediaError) -> String {
        guard case .installed = FontLookup.find("sans-serif"), FilterGraph.exists("ass") else { return "" }
        return "," + DecorationFilters.ass(try scripts.write(labelScript(times: times, cell: cell).text), fonts: nil)
    }

    /// A subtitle script with each time in the lower left corner of its frame.
    private func labelScript(times: [Double], cell: PixelSize) -> AssScript {
        let gap = FrameSheet.gap
        var style = AssScript.Style()
        style.size = min(28, max(10, Double(cell.width) / 7))
        style.outline = style.size / 10
        style.alignment = 1
        var script = AssScript(width: width, height: cell.height * rows + gap * (rows + 1), style: style)
        let used = columns * cell.width + gap * (columns + 1)
        let left = (width - used) / 2
        script.events = times.enumerated().map { index, time in
            let x = left + gap + index % columns * (cell.width + gap) + 5
            let y = gap + index / columns * (cell.height + gap) + cell.height - 3
            return AssScript.Event(
                start: 0, end: AssScript.forever,
                text: "{\\pos(\(x),\(y))}" + AssScript.literal(FrameSheet.label(time)))
        }
        return script
    }

    /// Formats a time as minutes, seconds and tenths, such as `0:03.2`.
    static func label(_ seconds: Double) -> String {
        let tenths = Int(saturating: (seconds * 10).rounded(.down))
        return String(format: "%d:%02d.%d", tenths / 600, tenths / 10 % 60, tenths % 10)
    }
}
