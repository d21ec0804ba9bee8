/// The properties of an uploaded video that TikTok checks.
struct MediaFacts: Codable, Sendable, Equatable {
    /// The containers that TikTok accepts.
    enum Container: String, Codable, Sendable {
        case mp4, quickTime, webM

        /// The media type that the feed serves it with.
        var contentType: String {
            switch self {
            case .mp4: "video/mp4"
            case .quickTime: "video/quicktime"
            case .webM: "video/webm"
            }
        }
    }

    /// The codecs that TikTok accepts.
    enum Codec: String, Codable, Sendable {
        case h264, hevc, vp8, vp9
    }

    var container: Container
    var codec: Codec
    var width: Int
    var height: Int
    /// Duration in seconds.
    var duration: Double
    /// Average frames per second.
    var frameRate: Double
}

/// A file that is damaged, or that TikTok does not support.
struct UnreadableMedia: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
