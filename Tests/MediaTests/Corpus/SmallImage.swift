import Foundation

/// An image of a known small size, for comparisons.
struct SmallImage {
    /// Its size.
    static let (width, height) = (144, 256)
    static let byteCount = width * height * 3
    /// Side of the squares whose similarity is measured, and of the patches whose colours are.
    private static let (window, patch) = (8, 16)

    /// Brightness of the pixels, row by row.
    let luma: [Float]
    /// Mean red, green and blue of the patches.
    let patches: [Float]

    /// - Parameter rgb: Red, green and blue of the pixels, row by row.
    init(rgb: [UInt8]) {
        var luma = [Float](repeating: 0, count: Self.width * Self.height)
        let across = Self.width / Self.patch
        var patches = [Float](repeating: 0, count: across * (Self.height / Self.patch) * 3)
        rgb.withUnsafeBufferPointer { rgb in
            for y in 0..<Self.height {
                for x in 0..<Self.width {
                    let pixel = y * Self.width + x
                    let patch = (y / Self.patch * across + x / Self.patch) * 3
                    let (red, green, blue) = (
                        Float(rgb[pixel * 3]), Float(rgb[pixel * 3 + 1]), Float(rgb[pixel * 3 + 2])
                    )
                    luma[pixel] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
                    patches[patch] += red
                    patches[patch + 1] += green
                    patches[patch + 2] += blue
                }
            }
        }
        self.luma = luma
        self.patches = patches.map { $0 / Float(Self.patch * Self.patch) }
    }

    private init(luma: [Float], patches: [Float]) {
        self.luma = luma
        self.patches = patches
    }

    /// How far brightness strays from its mean: near 0 for an image that shows nothing.
    var contrast: Float {
        let mean = luma.reduce(0, +) / Float(luma.count)
        return (luma.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(luma.count)).squareRoot()
    }

    /// The structural similarity of brightness: 1 for the same image.
    func similarity(to other: SmallImage) -> Double {
        let (c1, c2) = (2.55 * 2.55, 7.65 * 7.65)
        let count = Double(Self.window * Self.window)
        var total = 0.0
        luma.withUnsafeBufferPointer { left in
            other.luma.withUnsafeBufferPointer { right in
                var y = 0
                while y < Self.height {
                    var x = 0
                    while x < Self.width {
                        var (a, b, aa, bb, ab) = (0.0, 0.0, 0.0, 0.0, 0.0)
                        var row = y
                        while row < y + Self.window {
                            var at = row * Self.width + x
                            let end = at + Self.window
                            while at < end {
                                let (l, r) = (Double(left[at]), Double(right[at]))
                                a += l
                                b += r
                                aa += l * l
                                bb += r * r
                                ab += l * r
                                at += 1
                            }
                            row += 1
                        }
                        let (ma, mb) = (a / count, b / count)
                        let (va, vb, cov) = (aa / count - ma * ma, bb / count - mb * mb, ab / count - ma * mb)
                        total += (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
                        x += Self.window
                    }
                    y += Self.window
                }
            }
        }
        return total / Double((Self.width / Self.window) * (Self.height / Self.window))
    }

    /// How far the colours are apart in the patch where they are furthest, of 255: the mean of red, green and blue.
    func colourDifference(from other: SmallImage) -> Double {
        var furthest: Float = 0
        for at in stride(from: 0, to: patches.count, by: 3) {
            let apart = (0..<3).map { abs(patches[at + $0] - other.patches[at + $0]) }
            furthest = max(furthest, (apart[0] + apart[1] + apart[2]) / 3)
        }
        return Double(furthest)
    }

    /// What the patches look like when BT.709 is taken for BT.601; brightness stays as it is.
    var withWrongMatrix: SmallImage {
        var wrong = patches
        for at in stride(from: 0, to: patches.count, by: 3) {
            let (red, green, blue) = (patches[at], patches[at + 1], patches[at + 2])
            let y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            let cb = (blue - y) / 1.8556
            let cr = (red - y) / 1.5748
            wrong[at] = y + 1.402 * cr
            wrong[at + 1] = y - 0.344 * cb - 0.714 * cr
            wrong[at + 2] = y + 1.772 * cb
        }
        wrong = wrong.map { max(0, min(255, $0)) }
        return SmallImage(luma: luma, patches: wrong)
    }

    /// The image turned upside down, mirrored, or both; colours stay where they are.
    func turned(mirrored: Bool, upsideDown: Bool) -> SmallImage {
        var turned = luma
        for y in 0..<Self.height {
            let from = (upsideDown ? Self.height - 1 - y : y) * Self.width
            for x in 0..<Self.width {
                turned[y * Self.width + x] = luma[from + (mirrored ? Self.width - 1 - x : x)]
            }
        }
        return SmallImage(luma: turned, patches: patches)
    }
}
