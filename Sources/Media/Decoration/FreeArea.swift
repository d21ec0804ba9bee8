package import PipelineKit

/// The part of the delivered picture in which a decoration may stand, in pixels.
package struct FreeArea: Sendable, Hashable {
    /// Left border.
    package var x: Double
    /// Upper border.
    package var y: Double
    /// Width.
    package var width: Double
    /// Height.
    package var height: Double
    private let anchor: Anchor

    /// The area for `place` on a picture of `canvasWidth`×`canvasHeight`.
    package init(_ place: DecorationPlace, canvasWidth: Int, canvasHeight: Int) {
        let (across, down) = (Double(canvasWidth), Double(canvasHeight))
        let margin = place.margin * across
        x = place.insets.left * across + margin
        y = place.insets.top * down + margin
        // Never nothing, however large the borders are.
        width = max(16, across - x - place.insets.right * across - margin)
        height = max(16, down - y - place.insets.bottom * down - margin)
        anchor = place.anchor
    }

    /// The point of the area that has the anchor's name.
    package var anchorPoint: (x: Double, y: Double) { (x + width * anchor.x, y + height * anchor.y) }

    /// Where a picture of the given proportions stands: as wide as wanted, but inside the area. All sides are even, so
    /// that its pixels fall on those of the colour planes.
    package func box(
        width wanted: Double, pixelWidth: Int, pixelHeight: Int
    ) -> (x: Int, y: Int, width: Int, height: Int) {
        let shape = Double(max(1, pixelHeight)) / Double(max(1, pixelWidth))
        let fitting = min(wanted, width, height / shape)
        let boxWidth = max(2, Int(fitting / 2) * 2)
        let boxHeight = max(2, Int((fitting * shape) / 2) * 2)
        let left = x + (width - Double(boxWidth)) * anchor.x
        let top = y + (height - Double(boxHeight)) * anchor.y
        // Rounded away from the border that the anchor leans on.
        func even(_ value: Double, up: Bool) -> Int {
            Int((value / 2).rounded(up ? .up : .down)) * 2
        }
        return (max(0, even(left, up: anchor.x < 0.5)), max(0, even(top, up: anchor.y < 0.5)), boxWidth, boxHeight)
    }
}
