import Foundation

/// How suitable a frame is as a cover: sharp, well lit, with contrast.
package struct FrameScore: Sendable, Hashable {
    /// Mean brightness, 0 … 1 from black to white in limited range.
    package var brightness: Double
    /// Standard deviation of brightness, 0 … 0.5.
    package var contrast: Double
    /// Variance of the Laplacian: high for fine edges.
    package var sharpness: Double

    /// Scores an image with limited-range luma.
    package init(_ image: GrayImage) {
        let (width, height, pixels) = (image.width, image.height, image.pixels)
        var (sum, squares) = (0.0, 0.0)
        for pixel in pixels {
            sum += Double(pixel)
            squares += Double(pixel) * Double(pixel)
        }
        let count = Double(max(1, pixels.count))
        let mean = sum / count
        brightness = min(1, max(0, (mean - 16) / 219))
        contrast = max(0, squares / count - mean * mean).squareRoot() / 219
        var (edges, edgeSquares, inner) = (0, 0, 0)
        pixels.withUnsafeBufferPointer { pixels in
            for row in 1..<max(2, height - 1) where height > 2 {
                for column in 1..<max(2, width - 1) where width > 2 {
                    let at = row * width + column
                    let value =
                        4 * Int(pixels[at]) - Int(pixels[at - 1]) - Int(pixels[at + 1]) - Int(pixels[at - width])
                        - Int(pixels[at + width])
                    edges += value
                    edgeSquares += value * value
                    inner += 1
                }
            }
        }
        let average = Double(edges) / Double(max(1, inner))
        sharpness = max(0, Double(edgeSquares) / Double(max(1, inner)) - average * average)
    }

    /// Whether the frame is nearly black, white or of one colour.
    package var isEmpty: Bool { brightness < 0.06 || brightness > 0.94 || contrast < 0.03 }

    /// The total score, 0 … 1. Brightness and contrast count up to a sufficient level; beyond it sharpness decides.
    package var value: Double {
        let light = min(1, brightness / 0.25) * min(1, (1 - brightness) / 0.2)
        let depth = min(1, contrast / 0.16)
        // Half for a moderately sharp frame; noise and test patterns gain little beyond it.
        let edges = sharpness / (sharpness + 150)
        let value = light * (0.6 * edges + 0.3 * depth + 0.1)
        return isEmpty ? value * 0.05 : value
    }
}
