import CFFmpeg
import CFFmpegLoader
package import PipelineKit

/// A libavfilter graph built from FFmpeg's filter syntax, with at most one input `in` and one output `out`.
///
/// Owns the graph and frees it.
package final class FilterGraph {
    /// The result of ``pull(into:)``.
    package enum PullResult {
        /// The frame was filled.
        case frame
        /// The graph needs more input first.
        case wantsInput
        /// The graph has output its last frame.
        case finished
    }

    private let pointer: UnsafeMutablePointer<AVFilterGraph>
    private let log: MediaLog
    // Owned by the graph.
    private var source: UnsafeMutablePointer<AVFilterContext>?
    private var sink: UnsafeMutablePointer<AVFilterContext>?

    /// A graph without input, such as a test pattern.
    package init(generating description: String, isAudio: Bool, log: MediaLog) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        try build(description, isAudio: isAudio)
    }

    /// A video graph whose input frames have the format and size of `frame`.
    package init(
        video description: String, like frame: Frame, timeBase: Rational, frameRate: Rational, log: MediaLog
    ) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        let source = try allocated(
            avfilter_graph_alloc_filter(pointer, avfilter_get_by_name("buffer"), "in"), "adding a source")
        try check(
            spreader_buffersrc_set_video(source, frame.pointer, timeBase.av, frameRate.av), "describing video input",
            log: log)
        try check(avfilter_init_str(source, nil), "describing video input", log: log)
        self.source = source
        try build(description, isAudio: false)
    }

    /// An audio graph whose input frames have the sample format, rate and channel layout of `frame`.
    package init(
        audio description: String, like frame: Frame, timeBase: Rational, log: MediaLog
    ) throws(MediaError) {
        self.log = log
        pointer = try Self.allocate()
        let source = try allocated(
            avfilter_graph_alloc_filter(pointer, avfilter_get_by_name("abuffer"), "in"), "adding a source")
        try check(
            spreader_buffersrc_set_audio(source, frame.pointer, timeBase.av), "describing audio input", log: log)
        try check(avfilter_init_str(source, nil), "describing audio input", log: log)
        self.source = source
        try build(description, isAudio: true)
    }

    deinit {
        var graph: UnsafeMutablePointer<AVFilterGraph>? = pointer
        avfilter_graph_free(&graph)
    }

    private static func allocate() throws(MediaError) -> UnsafeMutablePointer<AVFilterGraph> {
        // Loaded only here: copies need no filters, and libavfilter takes as long to load as all other libraries.
        if let reason = spreader_ffmpeg_load_filters() {
            throw MediaError(MediaLibraries.loading, text: String(cString: reason))
        }
        return try allocated(avfilter_graph_alloc(), "allocating a filter graph")
    }

    /// Whether the loaded FFmpeg has a filter of this name.
    package static func exists(_ filter: String) -> Bool {
        spreader_ffmpeg_load_filters() == nil && avfilter_get_by_name(filter) != nil
    }

    private func build(_ description: String, isAudio: Bool) throws(MediaError) {
        var sink: UnsafeMutablePointer<AVFilterContext>?
        try check(
            avfilter_graph_create_filter(
                &sink, avfilter_get_by_name(isAudio ? "abuffersink" : "buffersink"), "out", nil, nil, pointer),
            "adding a sink", log: log)
        self.sink = sink
        // Named from the description's side: its `in` is the output of our source, its `out` the input of our sink.
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

    /// Time base of the frames that ``pull(into:)`` returns.
    package var timeBase: Rational { sink.map { Rational(av_buffersink_get_time_base($0)) } ?? Rational(1, 1) }

    /// Sends a frame to the input. The graph takes over its buffers and leaves it empty.
    package func push(_ frame: Frame) throws(MediaError) {
        try check(av_buffersrc_add_frame_flags(source, frame.pointer, 0), "filtering", log: log)
    }

    /// Marks the end of the input.
    /// - Parameter end: End of the last frame, in the input's time base.
    package func close(at end: Int64) throws(MediaError) {
        try check(av_buffersrc_close(source, end, 0), "filtering", log: log)
    }

    /// Receives the next output frame into `frame`.
    package func pull(into frame: Frame) throws(MediaError) -> PullResult {
        let status = av_buffersink_get_frame(sink, frame.pointer)
        if status == spreader_error_try_again() { return .wantsInput }
        if status == spreader_error_end_of_file() { return .finished }
        try check(status, "filtering", log: log)
        return .frame
    }
}
