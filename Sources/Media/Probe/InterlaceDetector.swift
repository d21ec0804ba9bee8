import Foundation
import PipelineKit

/// Detects from decoded frames whether footage is interlaced, and which field comes first.
///
/// Flags are unreliable: progressive programmes are broadcast flagged as interlaced, and old files have no flag.
struct InterlaceDetector {
    /// Limits: about 4 s of footage, 1.5 s of CPU time.
    private static let maximumFrames = 101
    private static let maximumWork = 1.5

    /// Number of frames by the verdict of FFmpeg's `idet` filter.
    private(set) var progressive = 0
    private(set) var topFirst = 0
    private(set) var bottomFirst = 0
    /// Number of frames that repeat the top, or bottom, field of a neighbouring frame.
    private(set) var topRepeated = 0
    private(set) var bottomRepeated = 0
    private(set) var seen = 0

    /// Measures the frames that follow those already read from `sampler`.
    init(_ sampler: FrameSampler, log: MediaLog) throws(MediaError) {
        let frame = try Frame()
        let measured = try Frame()
        var graph: FilterGraph?
        var size: (Int, Int, String)?
        let started = Self.work
        var taken = 0
        while taken < Self.maximumFrames, Self.work - started < Self.maximumWork {
            guard try sampler.next(into: frame) else { break }
            taken += 1
            if let size, size != (frame.width, frame.height, frame.pixelFormat) { break }
            size = (frame.width, frame.height, frame.pixelFormat)
            frame.pts = Int64(taken)
            if graph == nil {
                // `mpdecimate` drops still frames, which `idet` would count as progressive.
                graph = try FilterGraph(
                    video: "[in]mpdecimate,idet[out]", like: frame, timeBase: sampler.timeBase,
                    frameRate: Rational(0, 1), log: log)
            }
            try graph?.push(frame)
            while case .frame = try graph?.pull(into: measured) { count(measured) }
        }
        try graph?.close(at: Int64(taken + 1))
        while case .frame = try graph?.pull(into: measured) { count(measured) }
    }

    /// CPU seconds used by this thread. Wall time would make the verdict depend on the machine's load.
    private static var work: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private mutating func count(_ frame: Frame) {
        seen += 1
        switch frame.metadata("lavfi.idet.multiple.current_frame") {
        case "progressive": progressive += 1
        case "tff": topFirst += 1
        case "bff": bottomFirst += 1
        default: break
        }
        switch frame.metadata("lavfi.idet.repeated.current_frame") {
        case "top": topRepeated += 1
        case "bottom": bottomRepeated += 1
        default: break
        }
    }

    /// The field order as in `VideoTrack.fieldOrder`; nil if the frames are inconclusive.
    var verdict: String? {
        let fields = topFirst + bottomFirst
        let decided = progressive + fields
        guard decided >= 4 else { return nil }
        let share = Double(fields) / Double(decided)
        // 3:2 pulldown spreads 24 frames over 60 fields: of five frames one repeats its top and one its bottom field.
        let repeats = (0.1...0.3)
        if seen >= 20, fields > 0, repeats.contains(Double(topRepeated) / Double(seen)),
            repeats.contains(Double(bottomRepeated) / Double(seen))
        {
            return "telecine"
        }
        if share >= 0.3 {
            // Three quarters of the interlaced frames must agree on the first field.
            guard max(topFirst, bottomFirst) * 4 >= fields * 3 else { return nil }
            return topFirst > bottomFirst ? "tt" : "bb"
        }
        return share <= 0.08 && decided >= 8 ? "progressive" : nil
    }

    /// Whether height and rate match standard-definition television, which was mostly interlaced.
    static func isBroadcast(height: Int, rate: Double?) -> Bool {
        guard let rate, [480, 484, 486, 512, 576, 608].contains(height) else { return false }
        return abs(rate - 25) < 0.05 || abs(rate - 29.97) < 0.05
    }
}
