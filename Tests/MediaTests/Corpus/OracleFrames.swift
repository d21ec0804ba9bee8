import Foundation

/// Frames of a file at chosen times, as `ffmpeg` shows them: upright, in square pixels, the middle of them in the shape
/// of a delivery, in BT.709.
struct OracleFrames {
    /// A frame and when it is shown.
    struct Shown {
        let time: Double
        let image: SmallImage
    }

    /// The times of all decoded frames.
    let times: [Double]
    /// The chosen frames.
    let chosen: [Shown]

    /// Which frames are chosen.
    enum Choice {
        /// Those whose times lie in a range.
        case times([ClosedRange<Double>])
        /// By number, from 0.
        case numbers([Int])
    }

    /// Decodes the file.
    /// - Parameters:
    ///   - end: When to stop.
    ///   - preparation: Filters ahead of all others.
    init(
        of path: String, stream: Int, choice: Choice, end: Double, preparation: [String], colours: OracleColours,
        scratch: String
    ) throws {
        let terms =
            switch choice {
            case .times(let ranges): ranges.map { "between(t,\($0.lowerBound - 1e-4),\($0.upperBound + 1e-4))" }
            case .numbers(let numbers): numbers.map { "eq(n,\($0))" }
            }
        let size =
            "\(SmallImage.width):\(SmallImage.height):flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
        let filters =
            ["trim=end=\(end)", "showinfo@all=checksum=0"] + preparation
            + ["select='\(terms.joined(separator: "+"))'", Self.crop] + colours.filters(size: size)
            + ["format=rgb24", "showinfo@chosen=checksum=0"]
        let output = try OracleTool.run(
            OracleTool.ffmpeg,
            [
                "-hide_banner", "-nostdin", "-nostats", "-v", "info", "-copyts", "-i", path, "-map", "0:\(stream)",
                "-vf",
                filters.joined(separator: ","), "-fps_mode", "passthrough", "-f", "rawvideo", "-",
            ], scratch: scratch)
        times = Self.times("all", in: output.log).sorted()
        let shown = Self.times("chosen", in: output.log)
        guard output.bytes.count == shown.count * SmallImage.byteCount else {
            throw OracleTool.Failure(
                description: "ffmpeg gave \(output.bytes.count) bytes for \(shown.count) frames:\n"
                    + output.log.suffix(2000))
        }
        chosen = shown.enumerated().map { number, time in
            let start = output.bytes.startIndex + number * SmallImage.byteCount
            return Shown(
                time: time, image: SmallImage(rgb: [UInt8](output.bytes[start..<start + SmallImage.byteCount])))
        }
    }

    /// Cuts the middle out in the shape of a delivery, at even places, if the shape differs at all.
    private static let crop: String = {
        let differs = "gt(abs(dar*16/9-1),0.006)"
        func even(_ side: String, _ wanted: String) -> String {
            "'if(\(differs),max(2,min(2*floor(\(side)/2),2*round(\(wanted)/2))),\(side))'"
        }
        return "crop=w=\(even("iw", "min(iw,ih*9/16/sar)")):h=\(even("ih", "min(ih,iw*sar*16/9)"))"
            + ":x='2*round((iw-ow)/4)':y='2*round((ih-oh)/4)':exact=1"
    }()

    /// The chosen ones among the frame that is shown at a time and its neighbours.
    func candidates(at time: Double) -> [SmallImage] {
        guard let first = times.first, let last = times.last else { return [] }
        let shown = times.lastIndex { $0 <= time } ?? 0
        let from = shown > 0 ? times[shown - 1] : first
        let to = shown + 1 < times.count ? times[shown + 1] : last
        return chosen.filter { $0.time > from - 1e-3 && $0.time < to + 1e-3 }.map(\.image)
    }

    /// What a `showinfo` of that name tells of times.
    private static func times(_ name: String, in log: String) -> [Double] {
        log.split(separator: "\n").compactMap { line in
            guard line.contains("[showinfo@\(name) "), let mark = line.range(of: " pts_time:") else { return nil }
            return Double(line[mark.upperBound...].prefix { !$0.isWhitespace })
        }
    }
}
