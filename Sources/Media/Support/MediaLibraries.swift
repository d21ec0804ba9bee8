import CFFmpeg
import CFFmpegLoader
package import PipelineKit

/// The FFmpeg libraries, loaded at the first use so that commands without media work start without them.
package enum MediaLibraries {
    /// Loads all libraries except libavfilter, if not done yet.
    /// - Throws: `StageError` with code `configuration` if libraries are missing or have another version.
    package static func load() throws(StageError) {
        if let reason = spreader_ffmpeg_load() { throw missing(String(cString: reason)) }
        // Limit of one allocation. The largest supported frame needs half of it; only hostile headers ask for more.
        av_max_alloc(1 << 30)
    }

    /// Also loads libavfilter and its many dependencies. Call before building the first filter graph.
    /// - Throws: As ``load()``.
    package static func loadFilters() throws(StageError) {
        try load()
        if let reason = spreader_ffmpeg_load_filters() { throw missing(String(cString: reason)) }
    }

    /// `MediaError.operation` of errors about missing libraries.
    static let loading = "loading FFmpeg's libraries"

    static func missing(_ reason: String) -> StageError {
        StageError(
            .configuration, "FFmpeg's libraries can't be loaded: \(reason)",
            hint: "on Debian: apt-get install libavfilter8 libavformat59, or rebuild the program on this machine")
    }

    /// The library versions in one line, such as `5.1.9: libavcodec 59.37.100, …`.
    /// - Throws: `StageError` with code `configuration` if the libraries can't be loaded.
    package static func versions() throws(StageError) -> String {
        try loadFilters()
        let parts = [
            ("libavformat", avformat_version()), ("libavcodec", avcodec_version()), ("libavfilter", avfilter_version()),
            ("libavutil", avutil_version()), ("libswscale", swscale_version()), ("libswresample", swresample_version()),
        ]
        let release = av_version_info().map { String(cString: $0) } ?? "unknown release"
        return "\(release): "
            + parts.map { "\($0.0) \($0.1 >> 16).\($0.1 >> 8 & 255).\($0.1 & 255)" }.joined(separator: ", ")
    }
}
