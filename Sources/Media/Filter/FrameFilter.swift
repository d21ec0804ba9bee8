import PipelineKit

/// A filter graph for single frames, rebuilt when their size or pixel format changes.
final class FrameFilter {
    private let description: String
    private let log: MediaLog
    private var graph: FilterGraph?
    private var shape: [Int] = []
    private var format = ""

    init(_ description: String, log: MediaLog) {
        self.description = description
        self.log = log
    }

    /// Filters `frame`, which is empty afterwards, and returns the result.
    func apply(_ frame: Frame) throws(MediaError) -> Frame {
        let shape = [frame.width, frame.height]
        if shape != self.shape || frame.pixelFormat != format || graph == nil {
            graph = try FilterGraph(
                video: description, like: frame, timeBase: Rational(1, 1_000_000), frameRate: Rational(0, 1), log: log
            )
            (self.shape, format) = (shape, frame.pixelFormat)
        }
        let result = try Frame()
        guard let graph else { return result }
        try graph.push(frame)
        guard case .frame = try graph.pull(into: result) else {
            throw MediaError("filtering", text: "the filters returned no frame", log: log)
        }
        return result
    }
}
