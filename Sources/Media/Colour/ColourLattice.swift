import CFFmpeg
import CMediaKernels
import PipelineKit

/// A colour conversion, sampled once: filters say what becomes of a lattice of colours, pictures are then taken through
/// the lattice.
///
/// Tone mapping in linear light costs more than encoding does. It is a function of one pixel's colour alone, though, so
/// its answers for 65 × 33 × 33 colours, with linear interpolation between them, give the same picture.
final class ColourLattice {
    private let nodes: [UInt16]

    /// The format that pictures must have.
    static let sourceFormat = "yuv420p10le"

    /// Samples a conversion.
    /// - Parameters:
    ///   - filters: What takes `source` colours to limited-range BT.709.
    ///   - source: What the codes of pictures mean; limited range.
    init(filters: [String], source: ColourTags, log: MediaLog) throws(MediaError) {
        let (luma, chroma) = (Int(SPREADER_LATTICE_LUMA), Int(SPREADER_LATTICE_CHROMA))
        let parts = Int(SPREADER_LATTICE_PARTS)
        let colours = try Frame(width: luma * chroma, height: chroma, pixelFormat: "yuv444p10le")
        for row in 0..<chroma {
            guard let planes = colours.rows16(row) else { throw Self.noPicture(log) }
            for column in 0..<chroma {
                for level in 0..<luma {
                    let x = column * luma + level
                    planes.0[x] = UInt16(min(level * 16, 1023))
                    planes.1[x] = UInt16(min(column * 32, 1023))
                    planes.2[x] = UInt16(min(row * 32, 1023))
                }
            }
        }
        colours.pts = 0
        let chain = [ColourPlan.declaration(source)] + filters + ["format=yuv444p16le[out]"]
        let graph = try FilterGraph(
            picture: "[in]" + chain.joined(separator: ","), like: colours, timeBase: Rational(1, 1),
            frameRate: Rational(0, 1), log: log)
        try graph.push(colours)
        let answers = try Frame()
        guard case .frame = try graph.pull(into: answers), answers.width == luma * chroma, answers.height == chroma
        else { throw Self.noPicture(log) }
        var nodes = [UInt16](repeating: 0, count: luma * chroma * chroma * parts)
        for row in 0..<chroma {
            guard let planes = answers.rows16(row) else { throw Self.noPicture(log) }
            for x in 0..<luma * chroma {
                let node = (row * luma * chroma + x) * parts
                // 16-bit codes are 256 times 8-bit ones, nodes 64 times.
                nodes[node] = planes.0[x] >> 2
                nodes[node + 1] = planes.1[x] >> 2
                nodes[node + 2] = planes.2[x] >> 2
            }
        }
        self.nodes = nodes
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
    /// One row of each of three planes of 16-bit values, when there are three.
    fileprivate func rows16(_ row: Int) -> (
        UnsafeMutablePointer<UInt16>, UnsafeMutablePointer<UInt16>, UnsafeMutablePointer<UInt16>
    )? {
        guard let planes else { return nil }
        func start(_ plane: UnsafeMutablePointer<UInt8>, _ stride: Int) -> UnsafeMutablePointer<UInt16> {
            UnsafeMutableRawPointer(plane + row * stride).assumingMemoryBound(to: UInt16.self)
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
