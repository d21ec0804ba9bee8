import CFFmpeg
import CFFmpegLoader
package import PipelineKit

/// A network of filters in FFmpeg's syntax, with at most one input `in` and one output `out`. Owns the graph.
package final class FilterGraph {
    /// What a graph answered.
    package enum Answer {
        /// The frame was filled.
        case frame
        /// It wants more input.
        case wantsInput
        /// It is finished.
        case finished
    }

    private let pointer: UnsafeMutablePointer<AVFilterGraph>
    private let log: MediaLog
    // Owned by the graph.
    private var source: UnsafeMutablePointer<AVFilterContext>?
    private var sink: UnsafeMutablePointer<AVFilterContext>?

    /// A graph without input, such as a test picture.
    package init(generating description: String, isSound: Bool, log: MediaLog) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        try build(description, isSound: isSound)
    }

    /// A graph for pictures like `frame`.
    package init(
        picture description: String, like frame: Frame, timeBase: Rational, frameRate: Rational, log: MediaLog
    ) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        let source = try allocated(
            avfilter_graph_alloc_filter(pointer, avfilter_get_by_name("buffer"), "in"), "adding a source")
        try check(
            spreader_buffersrc_set_video(source, frame.pointer, timeBase.av, frameRate.av), "describing pictures",
            log: log)
        try check(avfilter_init_str(source, nil), "describing pictures", log: log)
        self.source = source
        try build(description, isSound: false)
    }

    /// A graph for blocks of sound like `frame`.
    package init(
        sound description: String, like frame: Frame, timeBase: Rational, log: MediaLog
    ) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        let source = try allocated(
            avfilter_graph_alloc_filter(pointer, avfilter_get_by_name("abuffer"), "in"), "adding a source")
        try check(
            spreader_buffersrc_set_audio(source, frame.pointer, timeBase.av), "describing sound", log: log)
        try check(avfilter_init_str(source, nil), "describing sound", log: log)
        self.source = source
        try build(description, isSound: true)
    }

    deinit {
        var graph: UnsafeMutablePointer<AVFilterGraph>? = pointer
        avfilter_graph_free(&graph)
    }

    private static func allocate() throws(MediaError) -> UnsafeMutablePointer<AVFilterGraph> {
        // Only now: copies go without, and it takes as long to load as all the rest.
        if let reason = spreader_ffmpeg_load_filters() {
            throw MediaError(MediaLibraries.loading, text: String(cString: reason))
        }
        return try allocated(avfilter_graph_alloc(), "allocating a filter graph")
    }

    /// Whether the FFmpeg in use has a filter of this name.
    package static func exists(_ filter: String) -> Bool {
        spreader_ffmpeg_load_filters() == nil && avfilter_get_by_name(filter) != nil
    }

    private func build(_ description: String, isSound: Bool) throws(MediaError) {
        var sink: UnsafeMutablePointer<AVFilterContext>?
        try check(
            avfilter_graph_create_filter(
                &sink, avfilter_get_by_name(isSound ? "abuffersink" : "buffersink"), "out", nil, nil, pointer),
            "adding a sink", log: log)
        self.sink = sink
        // Seen from the text: what it calls `in` is the output of our source, and the other way round.
        var outputs = source.flatMap { FilterGraph.end("in", $0) }
        var inputs = sink.flatMap { FilterGraph.end("out", $0) }
        defer {
            avfilter_inout_free(&outputs)
            avfilter_inout_free(&inputs)
        }
        try check(
            avfilter_graph_parse_ptr(pointer, description, &inputs, &outputs, nil),
            "building the filters \(description)", log: log)
        try check(avfilter_graph_config(pointer, nil), "connecting the filters \(description)", log: log)
    }

    private static func end(
        _ name: String, _ filter: UnsafeMutablePointer<AVFilterContext>
    ) -> UnsafeMutablePointer<AVFilterInOut>? {
        let end = avfilter_inout_alloc()
        end?.pointee.name = av_strdup(name)
        end?.pointee.filter_ctx = filter
        end?.pointee.pad_idx = 0
        end?.pointee.next = nil
        return end
    }

    /// The unit of the times of frames that come out.
    package var timeBase: Rational { sink.map { Rational(av_buffersink_get_time_base($0)) } ?? Rational(1, 1) }

    /// Gives the graph a frame, whose content it takes.
    package func push(_ frame: Frame) throws(MediaError) {
        try check(av_buffersrc_add_frame_flags(source, frame.pointer, 0), "filtering", log: log)
    }

    /// Says that no more will come.
    /// - Parameter end: Where the last frame ends, in the input's unit.
    package func close(at end: Int64) throws(MediaError) {
        try check(av_buffersrc_close(source, end, 0), "filtering", log: log)
    }

    /// Takes the next frame.
    package func pull(into frame: Frame) throws(MediaError) -> Answer {
        let answer = av_buffersink_get_frame(sink, frame.pointer)
        if answer == spreader_error_try_again() { return .wantsInput }
        if answer == spreader_error_end_of_file() { return .finished }
        try check(answer, "filtering", log: log)
        return .frame
    }
}
