import CFFmpeg

/// The FFmpeg libraries that the program runs with.
package enum MediaLibraries {
    /// Their versions in one line, such as `5.1.9: libavcodec 59.37.100, …`.
    package static var versions: String {
        let parts = [
            ("libavformat", avformat_version()), ("libavcodec", avcodec_version()), ("libavfilter", avfilter_version()),
            ("libavutil", avutil_version()), ("libswscale", swscale_version()), ("libswresample", swresample_version()),
        ]
        let release = av_version_info().map { String(cString: $0) } ?? "unknown release"
        return "\(release): "
            + parts.map { "\($0.0) \($0.1 >> 16).\($0.1 >> 8 & 255).\($0.1 & 255)" }.joined(separator: ", ")
    }

    /// Whether an encoder of that name is built in.
    package static func hasEncoder(_ name: String) -> Bool { avcodec_find_encoder_by_name(name) != nil }

    /// Whether a filter of that name is built in.
    package static func hasFilter(_ name: String) -> Bool { avfilter_get_by_name(name) != nil }
}
