import CFFmpeg

/// The brightness of a frame, one byte per pixel.
package struct GrayImage: Sendable {
    /// Width in pixels.
    package let width: Int
    /// Height in pixels.
    package let height: Int
    /// Rows from top to bottom.
    package let pixels: [UInt8]

    /// Copies the pixels of a `gray` frame; returns nil for other pixel formats.
    package init?(_ frame: Frame) {
        guard frame.pointer.pointee.format == AV_PIX_FMT_GRAY8.rawValue, let plane = frame.pointer.pointee.data.0,
            frame.width > 0, frame.height > 0
        else { return nil }
        let (width, height, stride) = (frame.width, frame.height, Int(frame.pointer.pointee.linesize.0))
        self.width = width
        self.height = height
        pixels = [UInt8](unsafeUninitializedCapacity: width * height) { buffer, count in
            for row in 0..<height {
                for column in 0..<width { buffer[row * width + column] = plane[row * stride + column] }
            }
            count = width * height
        }
    }

    package init(width: Int, height: Int, pixels: [UInt8]) {
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The bounding box of all pixels above `level`; nil if there are none.
    package func extent(brighterThan level: UInt8) -> (left: Int, top: Int, right: Int, bottom: Int)? {
        var (left, top, right, bottom) = (width, height, -1, -1)
        pixels.withUnsafeBufferPointer { pixels in
            var at = 0
            for row in 0..<height {
                for column in 0..<width {
                    defer { at += 1 }
                    guard pixels[at] > level else { continue }
                    left = min(left, column)
                    right = max(right, column)
                    top = min(top, row)
                    bottom = row
                }
            }
        }
        return right < 0 ? nil : (left, top, right, bottom)
    }
}
