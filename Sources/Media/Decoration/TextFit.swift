import PipelineKit

/// Finds a size at which a text fits its free area, by drawing it: only libass knows the width of its letters.
enum TextFit {
    private static let attempts = 8
    /// Each attempt is drawn this many times smaller, which takes a few milliseconds.
    private static let reduction = 3

    /// Line height in pixels: as requested, or smaller if the text does not fit.
    static func size(
        of text: TextDecoration, width: Int, height: Int, fonts: String?, scripts: ScriptFolder
    ) throws(MediaError) -> Double {
        let area = FreeArea(text.position, canvasWidth: width, canvasHeight: height)
        var size = text.style.size * Double(height)
        for _ in 0..<attempts {
            var sample = text
            sample.style.colour = 0xffffff
            sample.style.outlineColour = 0xffffff
            sample.opacity = 1
            sample.time = DecorationTime()
            let script = DecorationFilters.script(sample, size: size, width: width, height: height)
            guard
                let box = try extent(
                    script, width: width / reduction, height: height / reduction, fonts: fonts, scripts: scripts)
            else { return size }
            let scale = Double(reduction)
            let (left, top) = (Double(box.left) * scale, Double(box.top) * scale)
            let (right, bottom) = (Double(box.right + 1) * scale, Double(box.bottom + 1) * scale)
            // Text that touches the frame's edge may extend beyond it.
            let isCut = box.left == 0 || box.top == 0 || right >= Double(width - 3) || bottom >= Double(height - 3)
            let slack = 2 * scale + size * 0.06
            let fits =
                left >= area.x - slack && top >= area.y - slack && right <= area.x + area.width + slack
                && bottom <= area.y + area.height + slack
            if fits { return size }
            let needed = max((right - left) / area.width, (bottom - top) / area.height)
            size *= isCut ? 0.6 : min(0.95, max(0.5, 1 / needed))
        }
        return max(4, size)
    }

    /// The bounding box of what a script draws; nil if it draws nothing.
    private static func extent(
        _ script: AssScript, width: Int, height: Int, fonts: String?, scripts: ScriptFolder
    ) throws(MediaError) -> (left: Int, top: Int, right: Int, bottom: Int)? {
        let filter = DecorationFilters.ass(try scripts.write(script.text), fonts: fonts)
        let graph = try FilterGraph(
            generating: "color=black:s=\(width)x\(height):r=1:d=1,format=gray,\(filter),format=gray[out]",
            isAudio: false, log: MediaLog())
        let frame = try Frame()
        guard case .frame = try graph.pull(into: frame), let image = GrayImage(frame) else { return nil }
        return image.extent(brighterThan: 64)
    }
}
