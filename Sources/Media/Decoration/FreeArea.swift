package import PipelineKit

/// The area of the delivered frame where a decoration may be placed, in pixels.
package struct FreeArea: Sendable, Hashable {
    package var x: Double
    package var y: Double
    package var width: Double
    package var height: Double
    private let anchor: Anchor

    /// The area for `position` on a frame of `canvasWidth`×`canvasHeight`.
    package init(_ position: DecorationPosition, canvasWidth: Int, canvasHeight: Int) {
        let (across, down) = (Double(canvasWidth), Double(canvasHeight))
        let margin = position.margin * across
        x = position.insets.left * across + margin
        y = position.insets.top * down + margin
        // Never empty, however large insets and margin are.
        width = max(16, across - x - position.insets.right * across - margin)
        height = max(16, down - y - position.insets.bottom * down - margin)
        anchor = position.anchor
    }

    /// The anchor's point within the area.
    package var anchorPoint: (x: Double, y: Double) { (x + width * anchor.x, y + height * anchor.y) }

    /// Where an image of the given proportions is placed: as wide as wanted, but inside the area. Position and size are
    /// even, so that they align with the subsampled chroma planes.
    package func box(
        width wanted: Double, pixelWidth: Int, pixelHeight: Int
    ) -> (x: Int, y: Int, width: Int, height: Int) {
        let shape = Double(max(1, pixelHeight)) / Double(max(1, pixelWidth))
        let fitting = min(wanted, width, height / shape)
        let boxWidth = max(2, Int(fitting / 2) * 2)
        let boxHeight = max(2, Int((fitting * shape) / 2) * 2)
        let left = x + (width - Double(boxWidth)) * anchor.x
        let top = y + (height - Double(boxHeight)) * anchor.y
        // Rounded away from the edge at the anchor.
        func even(_ value: Double, up: Bool) -> Int {
            Int((value / 2).rounded(up ? .up : .down)) * 2
        }
        return (max(0, even(left, up: anchor.x < 0.5)), max(0, even(top, up: anchor.y < 0.5)), boxWidth, boxHeight)
    }
}
