import PipelineKit

/// The clean aperture of a video track, and the pixel aspect ratio that follows from it. FFmpeg 5.1 does not report
/// them, so they come from the container.
struct FrameGeometry {
    /// Visible part of the frame, aligned to even pixels; nil for the whole frame.
    private(set) var cleanAperture: FrameRegion?
    /// Pixel aspect ratio; nil to keep FFmpeg's value.
    private(set) var pixelAspect: Rational?
    /// Warning about invalid values that were ignored.
    private(set) var warning: String?

    /// A shape without corrections.
    init() {}

    /// The shape of an ISO track whose frames are decoded to `width` × `height`.
    init(_ track: MovieHeader.Track, width: Int, height: Int) {
        let shownIsSensible = track.shownWidth <= 16_384 && track.shownHeight <= 16_384
        // If the decoded size differs from the sample description, the decoder has already cropped.
        if let clean = track.clean, (track.width, track.height) == (width, height) {
            set(
                left: (Double(width) - clean.width) / 2 + clean.right,
                top: (Double(height) - clean.height) / 2 + clean.down, width: clean.width, height: clean.height,
                of: (width, height), name: "clean aperture")
        }
        guard !track.hasPixelAspect else { return }
        if !shownIsSensible {
            pixelAspect = Rational(1, 1)
            warning = "the track header's size, \(Int(track.shownWidth))×\(Int(track.shownHeight)), is ignored"
        } else if let clean = cleanAperture, track.shownWidth > 0, track.shownHeight > 0 {
            // The track header gives the size of the visible part, but FFmpeg applies it to the whole frame.
            pixelAspect = Rational(
                approximating: track.shownWidth / track.shownHeight * Double(clean.height) / Double(clean.width))
        }
    }

    /// The shape of a Matroska track whose pixel aspect ratio is `aspect` according to FFmpeg.
    init(_ track: MatroskaHeader.Track, width: Int, height: Int, aspect: Rational) {
        guard track.left | track.top | track.right | track.bottom != 0 else { return }
        set(
            left: Double(track.left), top: Double(track.top), width: Double(width - track.left - track.right),
            height: Double(height - track.top - track.bottom), of: (width, height), name: "crop")
        if let clean = cleanAperture, track.hasDisplaySize, let value = aspect.value {
            // The display size applies to the cropped frame.
            pixelAspect = Rational(
                approximating: value * Double(width * clean.height) / Double(height * clean.width))
        }
    }

    private mutating func set(
        left: Double, top: Double, width: Double, height: Double, of size: (width: Int, height: Int), name: String
    ) {
        let tolerance = 1.0
        guard [left, top, width, height].allSatisfy(\.isFinite), width >= 2, height >= 2, left >= -tolerance,
            top >= -tolerance, left + width <= Double(size.width) + tolerance,
            top + height <= Double(size.height) + tolerance
        else {
            warning = "the \(name) of the video is invalid and ignored"
            return
        }
        let across = Self.even(left, width, of: size.width)
        let down = Self.even(top, height, of: size.height)
        guard across.length < size.width - 1 || down.length < size.height - 1 else { return }
        cleanAperture = FrameRegion(x: across.start, y: down.start, width: across.length, height: down.length)
    }

    /// The even-aligned part of `start ..< start + length` in `0 ..< whole`. A side that is not cropped stays odd.
    private static func even(_ start: Double, _ length: Double, of whole: Int) -> (start: Int, length: Int) {
        if start < 1, length > Double(whole) - 1 { return (0, whole) }
        let size = max(2, min(whole, Int(length.rounded())) & ~1)
        let middle = start + (length - Double(size)) / 2
        return (max(0, min(Int((middle / 2).rounded()) * 2, (whole - size) & ~1)), size)
    }
}
