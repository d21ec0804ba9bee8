import Foundation
package import PipelineKit

/// Which pixels of a stored frame are used, to which size they are scaled, and where they are put on the canvas.
///
/// The layout is computed for the upright frame in square pixels, then converted to the stored frame: cropping and
/// scaling before rotation processes far fewer pixels of 4K footage.
package struct FrameLayout: Sendable, Hashable {
    /// The part of the stored frame that is used; nil for all of it.
    package var crop: FrameRegion?
    /// Size of the used part on the canvas, upright; always even.
    package var width: Int
    package var height: Int
    /// Position of the used part on the canvas; always even.
    package var x: Int
    package var y: Int
    /// Size of the canvas in pixels.
    package var canvasWidth: Int
    package var canvasHeight: Int

    /// Whether the frame leaves part of the canvas empty.
    package var leavesRoom: Bool { width < canvasWidth || height < canvasHeight }

    /// Aspect ratios that differ by no more than this share count as equal: no crop, no bars, no visible distortion.
    static let shapeTolerance = 0.006

    /// Lays out a frame on a canvas.
    /// - Parameters:
    ///   - width: Stored width in pixels.
    ///   - height: Stored height in pixels.
    ///   - area: The visible part of the stored frame (clean aperture); nil for all of it.
    ///   - aspect: Sample aspect ratio of the stored frame.
    package init(
        width fullWidth: Int, height fullHeight: Int, area: FrameRegion? = nil, aspect: Rational,
        orientation: Orientation,
        canvasWidth: Int, canvasHeight: Int, fit: DeliveryOptions.Fit, focus: DeliveryOptions.Focus
    ) {
        self.canvasWidth = canvasWidth
        self.canvasHeight = canvasHeight
        (width, height, x, y, crop) = (canvasWidth, canvasHeight, 0, 0, nil)
        let (storedWidth, storedHeight) = (area?.width ?? fullWidth, area?.height ?? fullHeight)
        defer {
            // Convert from coordinates within the area to those of the whole frame.
            if let area {
                var part = crop ?? FrameRegion(x: 0, y: 0, width: area.width, height: area.height)
                part.x += area.x
                part.y += area.y
                crop = part
            }
        }
        let ratio = aspect.value ?? 1
        let swaps = orientation.swapsAxes
        // The upright frame: its stored pixels, and its shape in square pixels.
        let (uprightWidth, uprightHeight) = swaps ? (storedHeight, storedWidth) : (storedWidth, storedHeight)
        let shape =
            swaps
            ? Double(storedHeight) / (Double(storedWidth) * ratio) : Double(storedWidth) * ratio / Double(storedHeight)
        let canvasShape = Double(canvasWidth) / Double(canvasHeight)
        if abs(shape / canvasShape - 1) <= FrameLayout.shapeTolerance { return }
        if fit == .crop {
            var used = FrameRegion(x: 0, y: 0, width: uprightWidth, height: uprightHeight)
            if shape > canvasShape {
                used.width = FrameLayout.even(Double(uprightWidth) * canvasShape / shape, atMost: uprightWidth)
                used.x = FrameLayout.offset(focus.x, size: used.width, within: uprightWidth)
            } else {
                used.height = FrameLayout.even(Double(uprightHeight) * shape / canvasShape, atMost: uprightHeight)
                used.y = FrameLayout.offset(focus.y, size: used.height, within: uprightHeight)
            }
            crop = FrameLayout.stored(used, orientation: orientation, width: storedWidth, height: storedHeight)
        } else if shape > canvasShape {
            height = FrameLayout.even(Double(canvasWidth) / shape, atMost: canvasHeight)
            y = (canvasHeight - height) / 4 * 2
        } else {
            width = FrameLayout.even(Double(canvasHeight) * shape, atMost: canvasWidth)
            x = (canvasWidth - width) / 4 * 2
        }
    }

    /// The even number nearest to `value`, at least 2.
    static func even(_ value: Double, atMost limit: Int) -> Int {
        max(2, min(limit / 2 * 2, Int((value / 2).rounded()) * 2))
    }

    /// The even offset that puts the centre of a window as close to `focus` as possible.
    private static func offset(_ focus: Double, size: Int, within whole: Int) -> Int {
        let wanted = focus * Double(whole) - Double(size) / 2
        let offset = Int((wanted / 2).rounded()) * 2
        return max(0, min((whole - size) / 2 * 2, offset))
    }

    /// Converts a rectangle of the upright frame to one of the stored frame.
    static func stored(_ rect: FrameRegion, orientation: Orientation, width: Int, height: Int) -> FrameRegion {
        var rect = rect
        let uprightWidth = orientation.swapsAxes ? height : width
        if orientation.mirrored { rect.x = uprightWidth - rect.x - rect.width }
        switch orientation.rotation {
        case 90:
            return FrameRegion(x: rect.y, y: height - rect.x - rect.width, width: rect.height, height: rect.width)
        case 180:
            return FrameRegion(
                x: width - rect.x - rect.width, y: height - rect.y - rect.height, width: rect.width,
                height: rect.height)
        case 270:
            return FrameRegion(x: width - rect.y - rect.height, y: rect.x, width: rect.height, height: rect.width)
        default:
            return rect
        }
    }
}
