import Foundation
package import PipelineKit

/// How a frame is stored: its pixels, which of them are visible, their shape, and how to make them upright.
package struct StoredFrame: Sendable, Hashable {
    package var size: PixelSize
    /// The visible part (clean aperture); nil for all of it.
    package var visibleRegion: FrameRegion?
    package var sampleAspectRatio: Rational
    package var orientation: Orientation

    package init(
        size: PixelSize, visibleRegion: FrameRegion? = nil, sampleAspectRatio: Rational, orientation: Orientation
    ) {
        self.size = size
        self.visibleRegion = visibleRegion
        self.sampleAspectRatio = sampleAspectRatio
        self.orientation = orientation
    }
}

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
    package var canvas: PixelSize

    /// Whether the frame leaves part of the canvas empty.
    package var leavesRoom: Bool { width < canvas.width || height < canvas.height }

    /// Aspect ratios that differ by no more than this share count as equal: no crop, no bars, no visible distortion.
    static let shapeTolerance = 0.006

    /// Lays out a frame on a canvas.
    /// - Parameter focus: The point that cropping keeps as close to the centre as possible.
    package init(
        of frame: StoredFrame, on canvas: PixelSize, fit: DeliveryOptions.Fit, focus: DeliveryOptions.Focus = .center
    ) {
        self.canvas = canvas
        (width, height, x, y) = (canvas.width, canvas.height, 0, 0)
        let region = frame.visibleRegion
        let visible = region.map { PixelSize(width: $0.width, height: $0.height) } ?? frame.size
        let shape = Self.uprightShape(of: visible, in: frame)
        var used: FrameRegion?
        if abs(shape / canvas.shape - 1) > Self.shapeTolerance {
            if fit == .crop {
                used = Self.crop(of: visible, shape: shape, to: canvas.shape, focus: focus, in: frame)
            } else if shape > canvas.shape {
                height = Int(evenNearest: Double(canvas.width) / shape, atMost: canvas.height)
                y = (canvas.height - height) / 4 * 2
            } else {
                width = Int(evenNearest: Double(canvas.height) * shape, atMost: canvas.width)
                x = (canvas.width - width) / 4 * 2
            }
        }
        crop = used
        if let region {
            // Convert from coordinates within the visible region to those of the whole frame.
            var part = used ?? FrameRegion(x: 0, y: 0, width: region.width, height: region.height)
            part.x += region.x
            part.y += region.y
            crop = part
        }
    }

    /// Width divided by height of the upright visible part, in square pixels.
    private static func uprightShape(of visible: PixelSize, in frame: StoredFrame) -> Double {
        let ratio = frame.sampleAspectRatio.value ?? 1
        return frame.orientation.swapsAxes
            ? Double(visible.height) / (Double(visible.width) * ratio)
            : Double(visible.width) * ratio / Double(visible.height)
    }

    /// The part of the visible frame that fills a canvas of another shape.
    private static func crop(
        of visible: PixelSize, shape: Double, to canvasShape: Double, focus: DeliveryOptions.Focus,
        in frame: StoredFrame
    ) -> FrameRegion {
        let swaps = frame.orientation.swapsAxes
        let upright = swaps ? PixelSize(width: visible.height, height: visible.width) : visible
        var used = FrameRegion(x: 0, y: 0, width: upright.width, height: upright.height)
        if shape > canvasShape {
            used.width = Int(evenNearest: Double(upright.width) * canvasShape / shape, atMost: upright.width)
            used.x = offset(focus.x, size: used.width, within: upright.width)
        } else {
            used.height = Int(evenNearest: Double(upright.height) * shape / canvasShape, atMost: upright.height)
            used.y = offset(focus.y, size: used.height, within: upright.height)
        }
        return stored(used, orientation: frame.orientation, size: visible)
    }

    /// The even offset that puts the centre of a window as close to `focus` as possible.
    private static func offset(_ focus: Double, size: Int, within whole: Int) -> Int {
        let wanted = focus * Double(whole) - Double(size) / 2
        let offset = Int((wanted / 2).rounded()) * 2
        return max(0, min((whole - size) / 2 * 2, offset))
    }

    /// Converts a region of the upright frame to one of the stored frame.
    /// - Parameter size: Size of the stored frame.
    private static func stored(_ region: FrameRegion, orientation: Orientation, size: PixelSize) -> FrameRegion {
        var region = region
        let uprightWidth = orientation.swapsAxes ? size.height : size.width
        if orientation.mirrored { region.x = uprightWidth - region.x - region.width }
        let (right, bottom) = (region.x + region.width, region.y + region.height)
        switch orientation.rotation {
        case 90:
            return FrameRegion(x: region.y, y: size.height - right, width: region.height, height: region.width)
        case 180:
            return FrameRegion(
                x: size.width - right, y: size.height - bottom, width: region.width, height: region.height)
        case 270:
            return FrameRegion(x: size.width - bottom, y: region.x, width: region.height, height: region.width)
        default:
            return region
        }
    }
}
