import CFFmpeg
import CMediaKernels
import Foundation
import PipelineKit

/// A colour conversion, sampled once: filters say what becomes of a lattice of colours, pictures are then taken through
/// the lattice.
///
/// Tone mapping in linear light costs more than encoding does. It is a function of one pixel's colour alone, though, so
/// its answers for 33 × 65 × 65 colours, with linear interpolation between them, give the same picture.
///
/// Nodes keep colours that BT.709 has not, as light below zero: were they cut off there, what lies between one of them
/// and one that is fine would come out pale. The pixels are cut instead.
final class ColourLattice {
    private let nodes: [Float]

    /// The format that pictures must have.
    static let sourceFormat = "yuv420p10le"

    /// Samples a conversion.
    /// - Parameters:
    ///   - filters: What takes `source` colours to linear light with BT.709's primaries.
    ///   - source: What the codes of pictures mean; limited range.
    init(filters: [String], source: ColourTags, log: MediaLog) throws(MediaError) {
        let (luma, chroma) = (Int(SPREADER_LATTICE_LUMA), Int(SPREADER_LATTICE_CHROMA))
        let (parts, step) = (Int(SPREADER_LATTICE_PARTS), Int(SPREADER_LATTICE_CHROMA_SHIFT))
        let colours = try Frame(width: luma * chroma, height: chroma, pixelFormat: "yuv444p10le")
        for row in 0..<chroma {
            guard let planes = colours.rows(row, of: UInt16.self) else { throw Self.noPicture(log) }
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
            picture: "[in]" + chain.joined(separator: ","), like: colours, timeBase: Rational(1, 1),
            frameRate: Rational(0, 1), log: log)
        try graph.push(colours)
        let answers = try Frame()
        guard case .frame = try graph.pull(into: answers), answers.width == luma * chroma, answers.height == chroma
        else { throw Self.noPicture(log) }
        var nodes = [Float](repeating: 0, count: luma * chroma * chroma * parts)
        for row in 0..<chroma {
            guard let planes = answers.rows(row, of: Float.self) else { throw Self.noPicture(log) }
            for x in 0..<luma * chroma {
                let node = (row * luma * chroma + x) * parts
                let (green, blue, red) = (planes.0[x], planes.1[x], planes.2[x])
                (nodes[node], nodes[node + 1], nodes[node + 2]) = Self.codes(red: red, green: green, blue: blue)
            }
        }
        self.nodes = nodes
    }

    /// Codes of limited-range BT.709 in 8 bits, with fractions.
    private static func codes(red: Float, green: Float, blue: Float) -> (Float, Float, Float) {
        // As screens turn it back (BT.1886). Below zero mirrored, but flatter, which errs least between nodes.
        func signal(_ light: Float) -> Float {
            guard light.isFinite else { return 0 }
            let bounded = min(2, max(-1, light))
            return bounded < 0 ? -0.3 * pow(-bounded, 1 / 2.4) : pow(bounded, 1 / 2.4)
        }
        let (r, g, b) = (signal(red), signal(green), signal(blue))
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b
        return (16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748)
    }

    private static func noPicture(_ log: MediaLog) -> MediaError {
        MediaError("sampling a colour conversion", text: "the filters gave no picture", log: log)
    }

    /// Takes a picture in ``sourceFormat`` through the lattice: 8 bits, BT.709, at the same time.
    func convert(_ frame: Frame) throws(MediaError) -> Frame {
        let result = try Frame(width: frame.width, height: frame.height, pixelFormat: "yuv420p")
        let source = frame.planes
        let target = result.planes
        guard let source, let target, frame.pixelFormat == ColourLattice.sourceFormat else {
            throw MediaError("converting colours", text: "the picture is \(frame.pixelFormat)")
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
    /// One row of each of three planes, when there are three.
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

    /// The three planes, when there are three.
    fileprivate var planes: SpreaderPicture? {
        let (data, strides) = (pointer.pointee.data, pointer.pointee.linesize)
        guard let first = data.0, let second = data.1, let third = data.2 else { return nil }
        return SpreaderPicture(
            planes: (first, second, third), strides: (Int(strides.0), Int(strides.1), Int(strides.2)))
    }

    /// Says that the numbers of the picture mean limited-range BT.709.
    fileprivate func tagAsDelivered() {
        pointer.pointee.color_range = AVCOL_RANGE_MPEG
        pointer.pointee.color_primaries = AVCOL_PRI_BT709
        pointer.pointee.color_trc = AVCOL_TRC_BT709
        pointer.pointee.colorspace = AVCOL_SPC_BT709
        pointer.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
    }
}
