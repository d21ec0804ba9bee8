import Foundation
package import PipelineKit

/// Builds the filter text that turns decoded frames into frames of the delivery.
///
/// Crop and scaling come first, then rotation, then colours, so that each step processes as few pixels as possible.
package struct VideoFilterDescription: Sendable, Hashable {
    package var layout: FrameLayout
    package var orientation: Orientation
    package var colour: ColourPlan
    package var fit: DeliveryOptions.Fit
    /// Colour of bars, as FFmpeg names colours or `0xRRGGBB`.
    package var background: String
    package var frameRate: Rational
    /// Whether the source has more frames than the delivery: they are then dropped before scaling.
    package var dropsFrames = false
    /// The deinterlacing filter; nil if none is needed.
    package var deinterlacer: String?
    /// Time of the graph's first output frame, in seconds of the delivery.
    package var start = 0.0
    /// Filters that draw decorations, from `DecorationFilters.text`; they run last.
    package var decorations = ""

    package init(
        layout: FrameLayout, orientation: Orientation, colour: ColourPlan, decision: DeliveryDecision,
        options: DeliveryOptions
    ) {
        self.layout = layout
        self.orientation = orientation
        self.colour = colour
        fit = options.fit
        background = options.background
        frameRate = decision.format.frameRate
        deinterlacer = decision.deinterlacer
    }

    /// Filters up to the upright frame in its final size, from `in` to `out`. If a colour lattice follows, frames come out
    /// in the lattice's format; otherwise these are all filters, and ``rear`` is nil.
    package var front: String {
        var filters = [ColourPlan.declaration(colour.tags)]
        if let deinterlacer { filters.append(deinterlacer) }
        if dropsFrames { filters.append(rate) }
        if let crop = layout.crop {
            filters.append("crop=w=\(crop.width):h=\(crop.height):x=\(crop.x):y=\(crop.y)")
        }
        let swaps = orientation.swapsAxes
        filters += colour.scaling(
            width: swaps ? layout.height : layout.width, height: swaps ? layout.width : layout.height)
        filters += orientation.filters
        let text = "[in]" + filters.joined(separator: ",")
        return colour.latticeFilters == nil ? text + "," + finish : text + "[out]"
    }

    /// Filters after the colour lattice, from `in` to `out`; nil if there is no lattice.
    package var rear: String? { colour.latticeFilters == nil ? nil : "[in]" + finish }

    private var rate: String {
        String(format: "fps=%d/%d:round=near:start_time=%.9f", frameRate.numerator, frameRate.denominator, start)
    }

    /// Frame rate, surround, the frames' format and tags, and decorations.
    private var finish: String {
        var text = ""
        // Before the overlay, which loses the duration of the last frame.
        if !dropsFrames { text += rate + "," }
        if layout.leavesRoom { text += surround + "," }
        return text
            + "format=yuv420p,setsar=1,setparams=field_mode=prog:range=tv:color_primaries=bt709:color_trc=bt709"
            + ":colorspace=bt709\(decorations)[out]"
    }

    /// Filters that fill the rest of the canvas.
    private var surround: String {
        let (width, height) = (layout.canvas.width, layout.canvas.height)
        guard fit == .blur else { return "pad=\(width):\(height):\(layout.x):\(layout.y):color=\(background)" }
        // Blurring at a tenth of the size looks the same as at full size and costs a fraction.
        let small = (max(2, width / 20 * 2), max(2, height / 20 * 2))
        let shape = layout.canvas.shape
        let isWider = Double(layout.width) / Double(layout.height) > shape
        let crop =
            isWider
            ? (Int(evenNearest: Double(layout.height) * shape, atMost: layout.width), layout.height)
            : (layout.width, Int(evenNearest: Double(layout.width) / shape, atMost: layout.height))
        return
            "split[front][rear];[rear]crop=\(crop.0):\(crop.1),scale=\(small.0):\(small.1):flags=area,gblur=sigma=4,"
            + "lutyuv=y=(val-16)*0.6+16:u=(val-128)*0.6+128:v=(val-128)*0.6+128,"
            + "scale=\(width):\(height):flags=bicubic[surround];"
            + "[surround][front]overlay=x=\(layout.x):y=\(layout.y):format=yuv420"
    }
}
