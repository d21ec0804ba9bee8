import Foundation
package import PipelineKit

/// Chooses the frame size of a delivery.
package struct CanvasPolicy: Sendable, Hashable {
    /// Width in pixels, even.
    package var width: Int
    /// Height in pixels, even.
    package var height: Int
    /// How many times the video is enlarged over its source pixels; below 1 it is reduced.
    package var enlargement: Double
    /// Whether the size was reduced to stay within the highest H.264 level.
    package var limitedByLevel = false

    /// The largest enlargement that `auto` accepts for a size other than its smallest.
    private static let acceptedEnlargement = 1.5
    /// Shorter sides that `auto` chooses from, in pixels.
    private static let shortSides = [1080, 720, 540]
    private static let extremeShape = 1920.0 / 360.0

    /// Chooses a size for footage of the given display size.
    /// - Throws: `StageError` if an explicit size exceeds the highest H.264 level.
    package init(
        displayWidth: Int, displayHeight: Int, options: DeliveryOptions, frameRate: Double
    ) throws(StageError) {
        let sourceShape = Double(displayWidth) / Double(displayHeight)
        var shape =
            switch options.aspect {
            case .ratio(let width, let height): Double(width) / Double(height)
            case .source: max(1 / CanvasPolicy.extremeShape, min(CanvasPolicy.extremeShape, sourceShape))
            }
        if case .exact(let width, let height) = options.size { shape = Double(width) / Double(height) }
        // The canvas in source pixels: what cropping keeps of the frame, or a canvas that holds all of it.
        let isWider = sourceShape > shape
        let used: (width: Double, height: Double) =
            isWider == (options.fit == .crop)
            ? (Double(displayHeight) * shape, Double(displayHeight))
            : (Double(displayWidth), Double(displayWidth) / shape)

        switch options.size {
        case .exact(let exactWidth, let exactHeight):
            guard DeliverySpec.level(width: exactWidth, height: exactHeight, frameRate: frameRate) != nil else {
                throw StageError(
                    .invalidOption,
                    "size \(exactWidth)x\(exactHeight) at \(FrameRatePolicy.text(frameRate)) fps exceeds H.264 "
                        + "level 4.2",
                    hint: "choose at most 1080x1920 at up to 60 fps")
            }
            (width, height) = (exactWidth, exactHeight)
        case .auto:
            let sizes = CanvasPolicy.shortSides.map { CanvasPolicy.size(shortSide: $0, shape: shape) }
                .filter { DeliverySpec.level(width: $0.width, height: $0.height, frameRate: frameRate) != nil }
            let fitting = sizes.first { Double($0.width) <= used.width * CanvasPolicy.acceptedEnlargement + 0.5 }
            (width, height) = fitting ?? sizes.last ?? CanvasPolicy.size(shortSide: 540, shape: shape)
        case .source:
            let least = Double(DeliverySpec.minimumSide)
            var scale = max(1, least / used.width, least / used.height)
            let longest = Double(DeliverySpec.maximumSide)
            scale = min(scale, longest / used.width, longest / used.height)
            var size = CanvasPolicy.size(width: used.width * scale, shape: shape)
            while DeliverySpec.level(width: size.width, height: size.height, frameRate: frameRate) == nil {
                limitedByLevel = true
                scale *= 0.99
                size = CanvasPolicy.size(width: used.width * scale, shape: shape)
            }
            (width, height) = size
        }
        enlargement = Double(width) / max(1, used.width)
    }

    private static func size(shortSide: Int, shape: Double) -> (width: Int, height: Int) {
        shape <= 1
            ? (shortSide, Int(evenNearest: Double(shortSide) / shape, atMost: DeliverySpec.maximumSide))
            : (Int(evenNearest: Double(shortSide) * shape, atMost: DeliverySpec.maximumSide), shortSide)
    }

    private static func size(width: Double, shape: Double) -> (width: Int, height: Int) {
        let even = Int(evenNearest: width, atMost: DeliverySpec.maximumSide)
        return (even, Int(evenNearest: Double(even) / shape, atMost: DeliverySpec.maximumSide))
    }
}
