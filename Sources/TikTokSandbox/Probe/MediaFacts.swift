/// What the sandbox reads out of an uploaded file.
struct MediaFacts: Codable, Sendable, Equatable {
    /// The containers that TikTok takes.
    enum Container: String, Codable, Sendable {
        case mp4, quickTime, webM

        /// The media type under which the feed plays it.
        var contentType: String {
            switch self {
            case .mp4: "video/mp4"
            case .quickTime: "video/quicktime"
            case .webM: "video/webm"
            }
        }
    }

    /// The codecs that TikTok takes.
    enum Codec: String, Codable, Sendable {
        case h264, hevc, vp8, vp9
    }

    var container: Container
    var codec: Codec
    var width: Int
    var height: Int
    /// In seconds.
    var duration: Double
    /// Frames a second on average.
    var frameRate: Double
}

/// The file is not one that TikTok could play.
struct UnreadableMedia: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
