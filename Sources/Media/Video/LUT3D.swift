import CFFmpeg
import CMediaKernels
import Foundation
import PipelineKit

/// A colour conversion as a 3D lookup table: filters convert a lattice of colours once, then every frame is converted
/// by interpolating between the results.
///
/// Tone mapping in linear light costs more than encoding does. But it depends on one pixel's colour alone, so a table
/// of 33 × 65 × 65 colours with linear interpolation gives the same result.
///
/// Nodes outside the BT.709 gamut keep negative light: clipping them would desaturate the colours between such a node
/// and one inside the gamut. Pixels are clipped instead.
final class LUT3D {
    private let nodes: [Float]

    /// Pixel format of the frames that ``convert(_:)`` accepts.
    static let sourceFormat = "yuv420p10le"

    /// Builds the table by running the lattice through `filters`.
    /// - Parameters:
    ///   - filters: Filters that convert `source` colours to linear light with BT.709 primaries.
    ///   - source: Colour tags of the frames to convert; limited range.
    init(filters: [String], source: ColourTags, log: MediaLog) throws(MediaError) {
        let (luma, chroma) = (Int(SPREADER_LATTICE_LUMA), Int(SPREADER_LATTICE_CHROMA))
        let (parts, step) = (Int(SPREADER_LATTICE_PARTS), Int(SPREADER_LATTICE_CHROMA_SHIFT))
        let colours = try Frame(width: luma * chroma, height: chroma, pixelFormat: "yuv444p10le")
        for row in 0..<chroma {
            guard let planes = colours.rows(row, of: UInt16.self) else { throw Self.missingFrame(log) }
            for column in 0..<chroma {
                for level in 0..<luma {
                    let x = column * luma + level
                    planes.0[x] = UInt16(min(level << Int(SPREADER_LATTICE_LUMA_SHIFT), 1023))
                    planes.1[x] = UInt16(min(column << step, 1023))
                    planes.2[x] = UInt16(min(row << step, 1023))
                }
            }
        }
        colours.pts = 0
        let chain = [ColourPlan.declaration(source)] + filters + ["format=gbrpf32le[out]"]
        let graph = try FilterGraph(
            video: "[in]" + chain.joined(separator: ","), like: colours, timeBase: Rational(1, 1),
            frameRate: Rational(0, 1), log: log)
        try graph.push(colours)
        let answers = try Frame()
        guard case .frame = try graph.pull(into: answers), answers.width == luma * chroma, answers.height == chroma
        else { throw Self.missingFrame(log) }
        var nodes = [Float](repeating: 0, count: luma * chroma * chroma * parts)
        for row in 0..<chroma {
            guard let planes = answers.rows(row, of: Float.self) else { throw Self.missingFrame(log) }
            for x in 0..<luma * chroma {
                let node = (row * luma * chroma + x) * parts
                let (green, blue, red) = (planes.0[x], planes.1[x], planes.2[x])
                (nodes[node], nodes[node + 1], nodes[node + 2]) = Self.codes(red: red, green: green, blue: blue)
            }
        }
        self.nodes = nodes
    }

    /// Y, Cb and Cr of limited-range BT.709 on the scale of 8 bits, not rounded.
    private static func codes(red: Float, green: Float, blue: Float) -> (Float, Float, Float) {
        // The inverse of a display's gamma (BT.1886). Negative light is mirrored with a flatter curve, which keeps the
        // interpolation error between nodes smallest.
        func signal(_ light: Float) -> Float {
            guard light.isFinite else { return 0 }
            let bounded = min(2, max(-1, light))
            return bounded < 0 ? -0.3 * pow(-bounded, 1 / 2.4) : pow(bounded, 1 / 2.4)
        }
        let (r, g, b) = (signal(red), signal(green), signal(blue))
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        return (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)
    }

    private static func missingFrame(_ log: MediaLog) -> MediaError {
        MediaError("sampling a colour conversion", text: "the filters returned no frame", log: log)
    }

    /// Converts a frame in ``sourceFormat`` to 8-bit BT.709, keeping its PTS.
    func convert(_ frame: Frame) throws(MediaError) -> Frame {
        let result = try Frame(width: frame.width, height: frame.height, pixelFormat: "yuv420p")
        let source = frame.planes
        let target = result.planes
        guard let source, let target, frame.pixelFormat == LUT3D.sourceFormat else {
            throw MediaError("converting colours", text: "unexpected pixel format \(frame.pixelFormat)")
        }
        var (from, to) = (source, target)
        nodes.withUnsafeBufferPointer { nodes in
            guard let base = nodes.baseAddress else { return }
            spreader_lattice_rows(&from, &to, base, Int32(frame.width), 0, Int32(frame.height))
        }
        result.pts = frame.pts
        result.tagAsDelivered()
        return result
    }
}

extension Frame {
    /// Pointers to one row of each plane; nil unless the frame has three. They are valid while the frame lives.
    fileprivate func rows<Value>(_ row: Int, of type: Value.Type) -> (
        UnsafeMutablePointer<Value>, UnsafeMutablePointer<Value>, UnsafeMutablePointer<Value>
    )? {
        guard let planes else { return nil }
        func start(_ plane: UnsafeMutablePointer<UInt8>, _ stride: Int) -> UnsafeMutablePointer<Value> {
            UnsafeMutableRawPointer(plane + row * stride).assumingMemoryBound(to: Value.self)
        }
        return (
            start(planes.planes.0, planes.strides.0), start(planes.planes.1, planes.strides.1),
            start(planes.planes.2, planes.strides.2)
        )
    }

    /// The frame's planes; nil unless there are three.
    fileprivate var planes: SpreaderPlanes? {
        let (data, strides) = (pointer.pointee.data, pointer.pointee.linesize)
        guard let first = data.0, let second = data.1, let third = data.2 else { return nil }
        return SpreaderPlanes(
            planes: (first, second, third), strides: (Int(strides.0), Int(strides.1), Int(strides.2)))
    }

    /// Tags the frame as limited-range BT.709 with square pixels.
    fileprivate func tagAsDelivered() {
        pointer.pointee.color_range = AVCOL_RANGE_MPEG
        pointer.pointee.color_primaries = AVCOL_PRI_BT709
        pointer.pointee.color_trc = AVCOL_TRC_BT709
        pointer.pointee.colorspace = AVCOL_SPC_BT709
        pointer.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
    }
}
